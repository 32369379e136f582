/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of the distance kernels.
 *
 * Goal      : every feature subset agrees with the specification within the stated bound; integer
 *             results are equal.
 * Method    : RapidCheck draws length, addresses, the flavour of the values and which elements are
 *             not zero, and shrinks them; the values themselves follow from a drawn seed. All 16
 *             subsets of the x86 features are asked for; all are held against long double sums.
 * Replay    : RC_PARAMS, as printed with a counterexample; RC_PARAMS="max_success=10000" for more.
 */
#include <rapidcheck.h>

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <random>
#include <vector>

extern "C" {
#include "simd/akin_simd.h"
}

namespace
{

constexpr std::uint32_t subset_count = 16;

enum Flavour { unit, positive, whole, mixed, tiny, subnormal, huge, any_finite, flavour_count };

/* Two vectors of `dim` elements, of which `live` from `first` on are not zero. */
struct Case {
    std::size_t dim;
    std::size_t first;
    std::size_t live;
    std::size_t a_offset;
    std::size_t b_offset;
    int a_flavour;
    int b_flavour;
    std::uint32_t seed;
};

std::ostream &operator<<(std::ostream &out, const Case &drawn)
{
    return out << "dim " << drawn.dim << ", " << drawn.live << " elements from " << drawn.first
               << ", offsets " << drawn.a_offset << " and " << drawn.b_offset << ", flavours "
               << drawn.a_flavour << " and " << drawn.b_flavour << ", seed " << drawn.seed;
}

rc::Gen<std::size_t> any_dim()
{
    return rc::gen::weightedOneOf<std::size_t>(
        {{6, rc::gen::inRange<std::size_t>(1, 140)},
         {3, rc::gen::inRange<std::size_t>(1, 1100)},
         {1, rc::gen::inRange<std::size_t>(1, SIMD_DIM_MAX + 1)},
         {1, rc::gen::just<std::size_t>(SIMD_DIM_MAX)}});
}

rc::Gen<std::size_t> short_dim()
{
    return rc::gen::inRange<std::size_t>(1, 400);
}

rc::Gen<Case> any_case_of(std::size_t dim)
{
    const auto flavour = rc::gen::inRange<int>(0, flavour_count);
    const auto offset = rc::gen::inRange<std::size_t>(0, 64);
    const auto some = rc::gen::inRange<std::size_t>(1, dim + 1);
    const auto all = rc::gen::just(dim);
    return rc::gen::build<Case>(
        rc::gen::set(&Case::dim, all),
        rc::gen::set(&Case::first, rc::gen::weightedOneOf<std::size_t>(
                                       {{1, rc::gen::just<std::size_t>(0)},
                                        {1, rc::gen::inRange<std::size_t>(0, dim)}})),
        rc::gen::set(&Case::live, rc::gen::weightedOneOf<std::size_t>({{3, all}, {1, some}})),
        rc::gen::set(&Case::a_offset, offset), rc::gen::set(&Case::b_offset, offset),
        rc::gen::set(&Case::a_flavour, flavour), rc::gen::set(&Case::b_flavour, flavour),
        rc::gen::set(&Case::seed, rc::gen::arbitrary<std::uint32_t>()));
}

/* At full size from the first case on: RapidCheck would start with the shortest vectors. */
rc::Gen<Case> any_case(const rc::Gen<std::size_t> &dim)
{
    return rc::gen::resize(rc::kNominalSize, rc::gen::mapcat(dim, any_case_of));
}

float value_of(int flavour, std::mt19937 &random)
{
    const std::uint32_t bits = static_cast<std::uint32_t>(random());
    const double sign = (bits & 1) != 0 ? -1.0 : 1.0;
    const double fraction = static_cast<double>(bits >> 1) / 2147483648.0;
    const int power = static_cast<int>(random() % 24);
    float value = 0.0f;
    switch (flavour) {
    case unit:
        return static_cast<float>(sign * fraction);
    case positive:
        return static_cast<float>(1.0 + fraction);
    case whole:
        return static_cast<float>(sign * static_cast<double>(bits >> 1 & 7));
    case mixed:
        return static_cast<float>(std::ldexp(sign * fraction, power * 2 - 24));
    case tiny:
        return static_cast<float>(std::ldexp(sign * fraction, power - 86));
    case subnormal:
        return static_cast<float>(std::ldexp(sign * fraction, power - 149));
    case huge:
        return static_cast<float>(std::ldexp(sign * fraction, power + 40));
    default:
        std::memcpy(&value, &bits, sizeof value);
        return std::isfinite(value) ? value : sign > 0.0 ? FLT_MAX : -FLT_MAX;
    }
}

/* Bytes with a vector somewhere in them. */
class Vector
{
  public:
    Vector(std::size_t bytes, std::size_t offset) : bytes_(bytes + offset), offset_(offset)
    {
    }
    unsigned char *data()
    {
        return bytes_.data() + offset_;
    }

  private:
    std::vector<unsigned char> bytes_;
    std::size_t offset_;
};

bool is_live(const Case &drawn, std::size_t index)
{
    return index >= drawn.first && index - drawn.first < drawn.live;
}

void fill_f32(unsigned char *at, const Case &drawn, int flavour, std::mt19937 &random)
{
    for (std::size_t i = 0; i < drawn.dim; ++i) {
        const float value = value_of(flavour, random);
        if (is_live(drawn, i)) {
            std::memcpy(at + i * sizeof value, &value, sizeof value);
        }
    }
}

/* Flavours of bytes: both extremes alone, or anything. */
void fill_i8(unsigned char *at, const Case &drawn, int flavour, std::mt19937 &random)
{
    for (std::size_t i = 0; i < drawn.dim; ++i) {
        const unsigned char byte = static_cast<unsigned char>(random());
        if (is_live(drawn, i)) {
            at[i] = flavour == 0 ? 0x80 : flavour == 1 ? 0x7f : byte;
        }
    }
}

/* The three sums, and how large they may have been on the way. */
struct Exact {
    long double l2 = 0.0L;
    long double dot = 0.0L;
    long double dot_absolute = 0.0L;
    long double a_square = 0.0L;
    long double b_square = 0.0L;

    void add(long double a, long double b)
    {
        l2 += (a - b) * (a - b);
        dot += a * b;
        dot_absolute += std::fabs(a * b);
        a_square += a * a;
        b_square += b * b;
    }
    long double cosine() const
    {
        const bool has_direction = a_square != 0.0L && b_square != 0.0L;
        return has_direction ? 1.0L - dot / (std::sqrt(a_square) * std::sqrt(b_square)) : 1.0L;
    }
};

Exact exact_f32(const unsigned char *a, const unsigned char *b, std::size_t dim)
{
    Exact exact;
    for (std::size_t i = 0; i < dim; ++i) {
        float left;
        float right;
        std::memcpy(&left, a + i * sizeof left, sizeof left);
        std::memcpy(&right, b + i * sizeof right, sizeof right);
        exact.add(left, right);
    }
    return exact;
}

Exact exact_i8(const unsigned char *a, const unsigned char *b, std::size_t dim)
{
    Exact exact;
    for (std::size_t i = 0; i < dim; ++i) {
        exact.add(static_cast<signed char>(a[i]), static_cast<signed char>(b[i]));
    }
    return exact;
}

/* The stated bound of L2 and DOT, `terms` being the sum of the absolute terms. */
long double bound_of(std::size_t dim, long double terms)
{
    return (static_cast<long double>(dim) / 16.0L + 10.0L) * 0x1p-24L * terms +
           static_cast<long double>(dim) * 0x1p-149L;
}

/* How far the specification may be off: it sums in double and rounds to float once. */
long double rounded_once(std::size_t dim, long double exact, long double terms)
{
    return std::fabs(exact) * 0x1p-24L + static_cast<long double>(dim) * 0x1p-52L * terms +
           0x1p-149L;
}

bool is_within(float got, long double exact, long double bound)
{
    return std::fabs(static_cast<long double>(got) - exact) <= bound;
}

bool same_bits(float a, float b)
{
    /* Bits are the question. NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
    return std::memcmp(&a, &b, sizeof a) == 0;
}

/* The value of `pair`, after `many` and the exchanged arguments have given the same bits. */
float value_of_pair(const simd_ops &ops, simd_op op, const unsigned char *a, const unsigned char *b,
                    std::size_t dim)
{
    const float value = ops.pair[op](a, b, dim);
    float of_many = 0.0f;
    ops.many[op](a, b, 0, 1, dim, &of_many);
    if (std::isnan(value)) {
        RC_ASSERT(std::isnan(of_many));
    } else {
        RC_ASSERT(same_bits(of_many, value));
        RC_ASSERT(same_bits(ops.pair[op](b, a, dim), value));
    }
    return value;
}

void floats_agree(const Case &drawn)
{
    std::mt19937 random(drawn.seed);
    Vector a(drawn.dim * sizeof(float), drawn.a_offset);
    Vector b(drawn.dim * sizeof(float), drawn.b_offset);
    fill_f32(a.data(), drawn, drawn.a_flavour, random);
    fill_f32(b.data(), drawn, drawn.b_flavour, random);
    const Exact exact = exact_f32(a.data(), b.data(), drawn.dim);
    const long double overflow = static_cast<long double>(FLT_MAX) / 2.0L;
    RC_CLASSIFY(exact.l2 > overflow, "may overflow");
    RC_CLASSIFY(exact.dot_absolute < static_cast<long double>(FLT_MIN), "underflows");

    const simd_ops &specification = *simd_ops_of(simd_select(SIMD_PORTABLE), SIMD_F32);
    const float spec_l2 = specification.pair[SIMD_L2](a.data(), b.data(), drawn.dim);
    const float spec_dot = specification.pair[SIMD_DOT](a.data(), b.data(), drawn.dim);
    if (exact.l2 <= overflow && exact.dot_absolute <= overflow) {
        RC_ASSERT(is_within(spec_l2, exact.l2, rounded_once(drawn.dim, exact.l2, exact.l2)));
        RC_ASSERT(
            is_within(spec_dot, exact.dot, rounded_once(drawn.dim, exact.dot, exact.dot_absolute)));
    }
    for (std::uint32_t allowed = 0; allowed < subset_count; ++allowed) {
        const simd_table *table = simd_select(allowed);
        RC_LOG() << "subset " << allowed << ", table " << table->name << "\n";
        const simd_ops &ops = *simd_ops_of(table, SIMD_F32);
        const float l2 = value_of_pair(ops, SIMD_L2, a.data(), b.data(), drawn.dim);
        const float dot = value_of_pair(ops, SIMD_DOT, a.data(), b.data(), drawn.dim);
        const float cosine = value_of_pair(ops, SIMD_COSINE, a.data(), b.data(), drawn.dim);
        if (exact.l2 <= overflow) {
            const long double bound = bound_of(drawn.dim, exact.l2);
            RC_ASSERT(is_within(l2, exact.l2, bound));
            RC_ASSERT(is_within(l2, spec_l2, 2.0L * bound));
        } else {
            RC_ASSERT(l2 > FLT_MAX / 4.0f);
        }
        if (exact.dot_absolute <= overflow) {
            const long double bound = bound_of(drawn.dim, exact.dot_absolute);
            RC_ASSERT(is_within(dot, exact.dot, bound));
            RC_ASSERT(is_within(dot, spec_dot, 2.0L * bound));
        }
        RC_ASSERT(cosine >= 0.0f && cosine <= 2.0f);
        RC_ASSERT(is_within(cosine, exact.cosine(), exact.cosine() * 0x1p-24L + 0x1p-37L));
    }
}

void bytes_are_equal(const Case &drawn)
{
    std::mt19937 random(drawn.seed);
    Vector a(drawn.dim, drawn.a_offset);
    Vector b(drawn.dim, drawn.b_offset);
    fill_i8(a.data(), drawn, drawn.a_flavour, random);
    fill_i8(b.data(), drawn, drawn.b_flavour, random);
    const Exact exact = exact_i8(a.data(), b.data(), drawn.dim);

    const simd_ops &specification = *simd_ops_of(simd_select(SIMD_PORTABLE), SIMD_I8);
    for (std::uint32_t allowed = 0; allowed < subset_count; ++allowed) {
        const simd_table *table = simd_select(allowed);
        RC_LOG() << "subset " << allowed << ", table " << table->name << "\n";
        const simd_ops &ops = *simd_ops_of(table, SIMD_I8);
        for (const simd_op op : {SIMD_L2, SIMD_DOT, SIMD_COSINE}) {
            const float value = value_of_pair(ops, op, a.data(), b.data(), drawn.dim);
            RC_ASSERT(same_bits(value, specification.pair[op](a.data(), b.data(), drawn.dim)));
        }
        RC_ASSERT(ops.pair[SIMD_L2](a.data(), b.data(), drawn.dim) == static_cast<float>(exact.l2));
        RC_ASSERT(ops.pair[SIMD_DOT](a.data(), b.data(), drawn.dim) ==
                  static_cast<float>(exact.dot));
        RC_ASSERT(is_within(ops.pair[SIMD_COSINE](a.data(), b.data(), drawn.dim), exact.cosine(),
                            std::fabs(exact.cosine()) * 0x1p-24L + 0x1p-37L));
    }
}

/* A scan of `count` rows, long enough now and then to prefetch. */
void scans_equal_pairs(const Case &drawn, simd_type type)
{
    const std::size_t count =
        *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::size_t>(0, 700)).as("rows");
    const std::size_t gap_bytes =
        *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::size_t>(0, 70))
             .as("bytes between rows");
    const std::size_t row_bytes = drawn.dim * (type == SIMD_F32 ? sizeof(float) : 1);
    const std::size_t stride_bytes = row_bytes + gap_bytes;
    std::mt19937 random(drawn.seed);
    Vector query(row_bytes, drawn.a_offset);
    Vector rows(count * stride_bytes, drawn.b_offset);
    for (std::size_t i = 0; i <= count; ++i) {
        unsigned char *at = i < count ? rows.data() + i * stride_bytes : query.data();
        if (type == SIMD_F32) {
            fill_f32(at, drawn, unit, random);
        } else {
            fill_i8(at, drawn, any_finite, random);
        }
    }
    for (std::size_t i = 0; i < simd_table_count(); ++i) {
        const simd_table *table = simd_table_at(i);
        RC_LOG() << "table " << table->name << "\n";
        const simd_ops &ops = *simd_ops_of(table, type);
        for (const simd_op op : {SIMD_L2, SIMD_DOT, SIMD_COSINE}) {
            std::vector<float> out(count);
            ops.many[op](query.data(), rows.data(), stride_bytes, count, drawn.dim, out.data());
            for (std::size_t row = 0; row < count; ++row) {
                RC_ASSERT(
                    same_bits(out[row], ops.pair[op](query.data(), rows.data() + row * stride_bytes,
                                                     drawn.dim)));
            }
        }
    }
}

} // namespace

int main()
{
    bool holds = true;
    holds &= rc::check("every feature subset agrees with the specification within the stated bound",
                       [] { floats_agree(*any_case(any_dim())); });
    holds &= rc::check("every feature subset gives the same bits for bytes",
                       [] { bytes_are_equal(*any_case(any_dim())); });
    holds &= rc::check("a scan over floats returns bit for bit what pairs return",
                       [] { scans_equal_pairs(*any_case(short_dim()), SIMD_F32); });
    holds &= rc::check("a scan over bytes returns bit for bit what pairs return",
                       [] { scans_equal_pairs(*any_case(short_dim()), SIMD_I8); });
    return holds ? 0 : 1;
}
