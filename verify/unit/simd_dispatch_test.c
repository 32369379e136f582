/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of how simd chooses a table.
 *
 * Goal      : nothing runs that the machine, the caller or the environment does not allow.
 * Method    : every subset of the features; every word that AKIN_SIMD knows, and some it does not.
 *             On a machine without an instruction set, its word must lead to the table below it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "simd/akin_simd.h"

/* All tables there are on x86, worst first. */
static const char *const names[] = {"portable", "avx2", "avx512", "avx512-vnni"};

enum { NAME_COUNT = sizeof names / sizeof names[0] };

static void tables_are_ordered_named_and_complete(void **state)
{
    (void)state;
    assert_true(simd_table_count() >= 1);
    assert_null(simd_table_at(simd_table_count()));
    assert_ptr_equal(simd_table_at(0), simd_select(0));
    assert_int_equal(simd_table_at(0)->features, SIMD_PORTABLE);
    size_t name = 0;
    for (size_t i = 0; i < simd_table_count(); ++i) {
        const struct simd_table *table = simd_table_at(i);
        while (strcmp(names[name], table->name) != 0) {
            ++name;
            assert_true(name < NAME_COUNT);
        }
        assert_int_equal(table->features & ~simd_detect(), 0);
        if (i > 0) {
            assert_int_equal(simd_table_at(i - 1)->features & ~table->features, 0);
            assert_int_not_equal(simd_table_at(i - 1)->features, table->features);
        }
        assert_ptr_equal(simd_ops_of(table, SIMD_F32), &table->f32);
        assert_ptr_equal(simd_ops_of(table, SIMD_I8), &table->i8);
        for (size_t op = 0; op < SIMD_OP_COUNT; ++op) {
            assert_non_null(table->f32.pair[op]);
            assert_non_null(table->f32.many[op]);
            assert_non_null(table->i8.pair[op]);
            assert_non_null(table->i8.many[op]);
        }
        assert_null(simd_ops_of(table, (enum simd_type)0));
        assert_null(simd_ops_of(table, (enum simd_type)3));
    }
}

static void a_table_is_chosen_only_if_all_its_features_are_allowed_and_there(void **state)
{
    (void)state;
    for (uint32_t allowed = 0; allowed < 32; ++allowed) {
        const struct simd_table *chosen = simd_select(allowed);
        assert_int_equal(chosen->features & ~allowed, 0);
        bool is_better = false;
        for (size_t i = 0; i < simd_table_count(); ++i) {
            const struct simd_table *table = simd_table_at(i);
            if (is_better && (table->features & ~allowed) == 0) {
                fail_msg("%s is allowed by %x, but %s was chosen", table->name, allowed,
                         chosen->name);
            }
            is_better = is_better || table == chosen;
        }
        assert_true(is_better);
    }
    assert_ptr_equal(simd_select(SIMD_ALL), simd_table_at(simd_table_count() - 1));
}

static void the_environment_names_the_best_table_that_may_be_used(void **state)
{
    (void)state;
    const struct simd_table *best = simd_table_at(simd_table_count() - 1);
    const struct simd_table *wanted = NULL;
    for (size_t i = 0; i < NAME_COUNT; ++i) {
        for (size_t table = 0; table < simd_table_count(); ++table) {
            if (strcmp(simd_table_at(table)->name, names[i]) == 0) {
                wanted = simd_table_at(table);
            }
        }
        /* Where this machine lacks the table, `wanted` is still the one below. */
        assert_int_equal(setenv("AKIN_SIMD", names[i], 1), 0);
        assert_ptr_equal(simd_select_from_environment(), wanted);
    }
    assert_int_equal(setenv("AKIN_SIMD", "all", 1), 0);
    assert_ptr_equal(simd_select_from_environment(), best);
    assert_int_equal(setenv("AKIN_SIMD", "", 1), 0);
    assert_ptr_equal(simd_select_from_environment(), best);
    assert_int_equal(unsetenv("AKIN_SIMD"), 0);
    assert_ptr_equal(simd_select_from_environment(), best);
}

static void a_word_that_names_no_table_allows_nothing(void **state)
{
    static const char *const words[] = {"AVX2", " avx2", "avx2 ", "avx", "avx512f", "sse2", "7"};
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; ++i) {
        assert_int_equal(setenv("AKIN_SIMD", words[i], 1), 0);
        assert_ptr_equal(simd_select_from_environment(), simd_table_at(0));
    }
    assert_int_equal(unsetenv("AKIN_SIMD"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_ordered_named_and_complete),
        cmocka_unit_test(a_table_is_chosen_only_if_all_its_features_are_allowed_and_there),
        cmocka_unit_test(the_environment_names_the_best_table_that_may_be_used),
        cmocka_unit_test(a_word_that_names_no_table_allows_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
