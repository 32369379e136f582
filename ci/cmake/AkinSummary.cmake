# SPDX-License-Identifier: Apache-2.0
#
# The summary at the end of a configuration: every option, and what it was built on.

message(STATUS "")
message(STATUS "Akin ${PROJECT_VERSION}")
message(STATUS "  compiler             ${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}, "
               "${CMAKE_SYSTEM_PROCESSOR}")
message(STATUS "  liburcu              ${Urcu_VERSION}, ${Urcu_bp}")
foreach(akin_option IN ITEMS CMAKE_BUILD_TYPE AKIN_BUILD_CLI AKIN_BUILD_TESTS AKIN_BUILD_PROPTEST
                             AKIN_BUILD_BENCH AKIN_BUILD_EXAMPLES AKIN_INSTALL AKIN_WERROR
                             AKIN_CHECKED AKIN_SCHEDULE AKIN_SANITIZE AKIN_COVERAGE
                             AKIN_URCU_SHARED)
    string(LENGTH "${akin_option}" akin_length)
    math(EXPR akin_length "21 - ${akin_length}")
    string(REPEAT " " ${akin_length} akin_padding)
    message(STATUS "  ${akin_option}${akin_padding}${${akin_option}}")
endforeach()
message(STATUS "")
