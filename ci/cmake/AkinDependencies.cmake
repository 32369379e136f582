# SPDX-License-Identifier: Apache-2.0
#
# What the library itself needs from the system. The rooms of tests and of the command look for
# their own libraries. Nothing is downloaded.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# The thread sanitizer's suppression called_from_lib:liburcu-cds.so can only name a shared library.
if(AKIN_SANITIZE STREQUAL "thread")
    set(AKIN_URCU_SHARED ON)
endif()
list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
find_package(Urcu 0.13 REQUIRED)

# Headers only: Concurrency Kit and xxHash.
find_path(AKIN_CK_INCLUDE_DIR ck_ring.h)
find_path(AKIN_XXHASH_INCLUDE_DIR xxhash.h)
mark_as_advanced(AKIN_CK_INCLUDE_DIR AKIN_XXHASH_INCLUDE_DIR)
foreach(akin_header IN ITEMS CK:ck_ring.h:libck-dev XXHASH:xxhash.h:libxxhash-dev)
    string(REPLACE ":" ";" akin_header "${akin_header}")
    list(GET akin_header 0 akin_variable)
    list(GET akin_header 1 akin_file)
    list(GET akin_header 2 akin_package)
    if(NOT AKIN_${akin_variable}_INCLUDE_DIR)
        message(FATAL_ERROR "The header ${akin_file} is missing. On Debian: "
                            "apt-get install ${akin_package}, or ci/setup for everything.")
    endif()
endforeach()
