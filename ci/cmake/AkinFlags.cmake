# SPDX-License-Identifier: Apache-2.0
#
# akin_flags: what every target of this project is compiled with, and nobody else's. No instruction
# set is chosen here; the files of simd/ that need one carry their own flags.

add_library(akin_flags INTERFACE)

target_compile_options(
    akin_flags
    INTERFACE -Wall
              -Wextra
              -Wpedantic
              -Wshadow
              -Wconversion
              -Wsign-conversion
              -Wundef
              -Wcast-align
              -Wvla
              -Wformat=2
              $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
              $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
              $<$<BOOL:${AKIN_WERROR}>:-Werror>
              -fvisibility=hidden)

target_compile_definitions(akin_flags INTERFACE $<$<BOOL:${AKIN_CHECKED}>:AKIN_CHECKED=1>
                                                $<$<BOOL:${AKIN_SCHEDULE}>:AKIN_SCHEDULE=1>)

if(AKIN_SANITIZE STREQUAL "address-undefined")
    set(akin_sanitizers -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(AKIN_SANITIZE STREQUAL "thread")
    set(akin_sanitizers -fsanitize=thread)
    # Concurrency Kit's assembly is invisible to the thread sanitizer. This header, seen first
    # by every C file, replaces it by compiler builtins. Without it there would be false races.
    set(akin_ck_tsan "${PROJECT_SOURCE_DIR}/kernel/sync/ck_tsan.h")
    if(NOT EXISTS "${akin_ck_tsan}")
        message(FATAL_ERROR "AKIN_SANITIZE=thread needs ${akin_ck_tsan}")
    endif()
    target_compile_options(akin_flags
                           INTERFACE "$<$<COMPILE_LANGUAGE:C>:SHELL:-include ${akin_ck_tsan}>")
endif()
if(AKIN_SANITIZE)
    target_compile_options(akin_flags INTERFACE ${akin_sanitizers} -fno-omit-frame-pointer)
    target_link_options(akin_flags INTERFACE ${akin_sanitizers})
endif()

if(AKIN_COVERAGE)
    target_compile_options(akin_flags INTERFACE --coverage)
    target_link_options(akin_flags INTERFACE --coverage)
endif()
