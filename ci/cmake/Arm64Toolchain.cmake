# SPDX-License-Identifier: Apache-2.0
#
# Cross compilation for 64-bit ARM: Debian's cross compiler, and a directory with the libraries of
# that architecture. The directory is needed because libck-dev cannot be installed for two
# architectures at once, and because the header ck_md.h of this machine would compile the fences
# away. AKIN_ARM64_SYSROOT names it, in the environment or with -D; docs/building.md says how to
# make it.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES AKIN_ARM64_SYSROOT)

find_program(AKIN_ARM64_CC aarch64-linux-gnu-gcc)
find_program(AKIN_ARM64_CXX aarch64-linux-gnu-g++)
mark_as_advanced(AKIN_ARM64_CC AKIN_ARM64_CXX)
if(NOT AKIN_ARM64_CC OR NOT AKIN_ARM64_CXX)
    message(FATAL_ERROR "The arm64 cross compiler is missing (aarch64-linux-gnu-gcc and -g++). "
                        "On Debian: apt-get install g++-aarch64-linux-gnu")
endif()
set(CMAKE_C_COMPILER "${AKIN_ARM64_CC}")
set(CMAKE_CXX_COMPILER "${AKIN_ARM64_CXX}")

if(NOT AKIN_ARM64_SYSROOT)
    set(AKIN_ARM64_SYSROOT "$ENV{AKIN_ARM64_SYSROOT}")
endif()
set(AKIN_ARM64_SYSROOT "${AKIN_ARM64_SYSROOT}" CACHE PATH "Libraries and headers for arm64")
if(NOT AKIN_ARM64_SYSROOT OR NOT EXISTS "${AKIN_ARM64_SYSROOT}/usr/include/ck_md.h")
    message(FATAL_ERROR
            "AKIN_ARM64_SYSROOT is '${AKIN_ARM64_SYSROOT}', which has no usr/include/ck_md.h. It "
            "must name a directory with Debian's arm64 packages liburcu-dev, liburcu8, libck-dev "
            "and libxxhash-dev unpacked; docs/building.md has the commands.")
endif()

# Found in the directory and nowhere else; programs are those of this machine.
set(CMAKE_FIND_ROOT_PATH "${AKIN_ARM64_SYSROOT}" /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
foreach(language IN ITEMS C CXX)
    set(CMAKE_${language}_FLAGS_INIT "-isystem ${AKIN_ARM64_SYSROOT}/usr/include")
    string(APPEND CMAKE_${language}_FLAGS_INIT
           " -isystem ${AKIN_ARM64_SYSROOT}/usr/include/aarch64-linux-gnu")
endforeach()

find_program(AKIN_QEMU_ARM64 NAMES qemu-aarch64 qemu-aarch64-static)
mark_as_advanced(AKIN_QEMU_ARM64)
if(AKIN_QEMU_ARM64)
    set(CMAKE_CROSSCOMPILING_EMULATOR "${AKIN_QEMU_ARM64};-L;/usr/aarch64-linux-gnu")
endif()
