# SPDX-License-Identifier: Apache-2.0
#
# How tests are made and run: akin_add_unit_test, akin_add_property_test.

# gcc's thread sanitizer cannot start where the kernel spreads addresses too widely; without the
# randomization it always can. Where that may not be switched off, the test runs as it is.
set(AKIN_TEST_LAUNCHER)
if(AKIN_SANITIZE STREQUAL "thread")
    execute_process(COMMAND setarch -R true RESULT_VARIABLE akin_setarch OUTPUT_QUIET ERROR_QUIET)
    if(akin_setarch EQUAL 0)
        set(AKIN_TEST_LAUNCHER setarch -R)
    endif()
endif()

# akin_test_environment(TEST LABEL label TIMEOUT seconds): sanitizer options, label, time limit.
function(akin_test_environment test)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL;TIMEOUT" "")
    set(environment "UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1")
    set(asan "halt_on_error=1" "detect_leaks=1" "detect_stack_use_after_return=1"
             "strict_string_checks=1")
    list(JOIN asan ":" asan)
    list(APPEND environment "ASAN_OPTIONS=${asan}")
    if(AKIN_SANITIZE STREQUAL "thread")
        set(tsan "halt_on_error=1" "second_deadlock_stack=1" "history_size=4"
                 "suppressions=${PROJECT_SOURCE_DIR}/verify/tsan.supp")
        list(JOIN tsan ":" tsan)
        list(APPEND environment "TSAN_OPTIONS=${tsan}")
    endif()
    # Readable reports need the symbolizer of the compiler that made the program.
    find_program(AKIN_SYMBOLIZER NAMES llvm-symbolizer-19 llvm-symbolizer)
    mark_as_advanced(AKIN_SYMBOLIZER)
    if(AKIN_SYMBOLIZER AND CMAKE_C_COMPILER_ID MATCHES "Clang")
        list(APPEND environment "LLVM_SYMBOLIZER_PATH=${AKIN_SYMBOLIZER}")
    endif()
    set_tests_properties(${test} PROPERTIES ENVIRONMENT "${environment}" LABELS "${arg_LABEL}"
                                            TIMEOUT "${arg_TIMEOUT}" SKIP_RETURN_CODE 77)
endfunction()

# akin_add_unit_test(NAME [source...] [TIMEOUT seconds] [SCHEDULE]): NAME.c, and further sources, as
# a program of cmocka that sees the inside of the library and what the tests share
# (verify/unit/CMakeLists.txt). SCHEDULE: only in schedule builds.
function(akin_add_unit_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SCHEDULE" "TIMEOUT" "")
    if(arg_SCHEDULE AND NOT AKIN_SCHEDULE)
        return()
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 240)
    endif()
    add_executable(${name} ${name}.c ${arg_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PRIVATE akin_test_support m)
    add_test(NAME ${name} COMMAND ${AKIN_TEST_LAUNCHER} $<TARGET_FILE:${name}>)
    akin_test_environment(${name} LABEL unit TIMEOUT ${arg_TIMEOUT})
endfunction()

# akin_add_property_test(NAME [source...] [TIMEOUT seconds]): NAME.cpp as a program of RapidCheck.
# It prints "OK, passed ..." or "Falsifiable ..." for each property and takes RC_PARAMS.
function(akin_add_property_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "")
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 600)
    endif()
    add_executable(${name} ${name}.cpp ${arg_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PRIVATE akin akin_flags Akin::rapidcheck Threads::Threads m)
    target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}"
                                               "${PROJECT_SOURCE_DIR}/kernel")
    add_test(NAME ${name} COMMAND ${AKIN_TEST_LAUNCHER} $<TARGET_FILE:${name}>)
    akin_test_environment(${name} LABEL property TIMEOUT ${arg_TIMEOUT})
endfunction()
