# SPDX-License-Identifier: Apache-2.0
#
# The options. All are off inside another project, which gets the library and nothing else.

option(AKIN_BUILD_CLI "Build the command akin" ${PROJECT_IS_TOP_LEVEL})
option(AKIN_BUILD_TESTS "Build the unit tests and the tests of the command" ${PROJECT_IS_TOP_LEVEL})
option(AKIN_BUILD_PROPTEST "Build the property tests (C++)" ${PROJECT_IS_TOP_LEVEL})
option(AKIN_BUILD_BENCH "Build the benchmarks (C++)" ${PROJECT_IS_TOP_LEVEL})
option(AKIN_BUILD_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(AKIN_INSTALL "Write install rules" ${PROJECT_IS_TOP_LEVEL})
option(AKIN_WERROR "Warnings are errors" ${PROJECT_IS_TOP_LEVEL})
option(AKIN_CHECKED "Keep the internal assertions" OFF)
option(AKIN_SCHEDULE "Every atomic operation passes the schedule explorer" OFF)
option(AKIN_COVERAGE "Count executed lines (gcov)" OFF)
option(AKIN_URCU_SHARED "Link the shared liburcu (a slower read section)" OFF)

set(AKIN_SANITIZE "" CACHE STRING "Sanitizers: empty, address-undefined or thread")
set_property(CACHE AKIN_SANITIZE PROPERTY STRINGS "" address-undefined thread)
if(NOT AKIN_SANITIZE MATCHES "^(address-undefined|thread)?$")
    message(FATAL_ERROR "AKIN_SANITIZE is '${AKIN_SANITIZE}'; "
                        "it may be empty, address-undefined or thread")
endif()

# A multi-configuration generator chooses later; everything else gets an optimized build by default.
get_property(akin_is_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT akin_is_multi_config)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

# These are variables of this directory and those below: nothing leaks into an enclosing project.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
# libakin.a may go into a shared library or a plug-in.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
