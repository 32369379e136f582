# SPDX-License-Identifier: Apache-2.0
#
# Installation: the library, its headers, the CMake package akin (target akin::akin), akin.pc, and
# the command if it was built.

include(CMakePackageConfigHelpers)
set(akin_package_directory "${CMAKE_INSTALL_LIBDIR}/cmake/akin")

install(TARGETS akin EXPORT akinTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/kernel/include/akin"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
install(EXPORT akinTargets NAMESPACE akin:: DESTINATION "${akin_package_directory}")

# SameMinorVersion while the major version is 0: every minor one may change the interface.
configure_package_config_file(
    "${CMAKE_CURRENT_LIST_DIR}/akinConfig.cmake.in" "${PROJECT_BINARY_DIR}/akinConfig.cmake"
    INSTALL_DESTINATION "${akin_package_directory}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/akinConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/akinConfig.cmake"
              "${PROJECT_BINARY_DIR}/akinConfigVersion.cmake"
              "${CMAKE_CURRENT_LIST_DIR}/FindUrcu.cmake" DESTINATION "${akin_package_directory}")

# akin.pc finds the prefix from its own place, so that the installation may be moved, and names
# liburcu the way this build linked it.
set(AKIN_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
set(AKIN_PC_LIBDIR "${CMAKE_INSTALL_LIBDIR}")
set(AKIN_PC_INCLUDEDIR "${CMAKE_INSTALL_INCLUDEDIR}")
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    file(RELATIVE_PATH AKIN_PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
    string(REGEX REPLACE "/$" "" AKIN_PC_PREFIX "\${pcfiledir}/${AKIN_PC_PREFIX}")
    string(PREPEND AKIN_PC_LIBDIR "\${prefix}/")
endif()
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    string(PREPEND AKIN_PC_INCLUDEDIR "\${prefix}/")
endif()
if(Urcu_bp MATCHES "\\${CMAKE_STATIC_LIBRARY_SUFFIX}$")
    set(AKIN_PC_LIBS_PRIVATE "-l:liburcu-cds.a -l:liburcu-bp.a -l:liburcu-common.a -pthread -lm")
else()
    set(AKIN_PC_LIBS_PRIVATE "-lurcu-cds -lurcu-bp -lurcu-common -pthread -lm")
endif()
configure_file("${PROJECT_SOURCE_DIR}/kernel/akin.pc.in" "${PROJECT_BINARY_DIR}/akin.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/akin.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/README.md"
              "${PROJECT_SOURCE_DIR}/CHANGELOG.md" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
if(TARGET akin_cli)
    install(TARGETS akin_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
