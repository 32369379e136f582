# SPDX-License-Identifier: Apache-2.0
#
# liburcu, flavour bp: the imported targets Urcu::bp and Urcu::cds.
#
# The static archives are taken unless AKIN_URCU_SHARED is set: a read section through them costs
# some 3 ns, through the shared library some 20 ns. This file is installed beside akinConfig.cmake,
# so that users of libakin.a link the same.

find_path(Urcu_INCLUDE_DIR urcu/urcu-bp.h)

foreach(Urcu_part IN ITEMS bp cds common)
    set(Urcu_names urcu-${Urcu_part})
    if(NOT AKIN_URCU_SHARED)
        set(Urcu_names ${CMAKE_STATIC_LIBRARY_PREFIX}urcu-${Urcu_part}${CMAKE_STATIC_LIBRARY_SUFFIX}
                       urcu-${Urcu_part})
    endif()
    # The name of the cache variable says which kind it is: changing the option searches anew.
    if(AKIN_URCU_SHARED)
        set(Urcu_variable Urcu_${Urcu_part}_SHARED_LIBRARY)
    else()
        set(Urcu_variable Urcu_${Urcu_part}_LIBRARY)
    endif()
    find_library(${Urcu_variable} NAMES ${Urcu_names})
    mark_as_advanced(${Urcu_variable})
    set(Urcu_${Urcu_part} "${${Urcu_variable}}")
endforeach()
mark_as_advanced(Urcu_INCLUDE_DIR)

# The version stands in the .pc file beside the library, if there is one.
if(Urcu_bp)
    get_filename_component(Urcu_directory "${Urcu_bp}" DIRECTORY)
    if(EXISTS "${Urcu_directory}/pkgconfig/liburcu-bp.pc")
        file(STRINGS "${Urcu_directory}/pkgconfig/liburcu-bp.pc" Urcu_VERSION REGEX "^Version:")
        string(REGEX REPLACE "^Version: *" "" Urcu_VERSION "${Urcu_VERSION}")
    endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
    Urcu
    REQUIRED_VARS Urcu_bp Urcu_cds Urcu_common Urcu_INCLUDE_DIR
    VERSION_VAR Urcu_VERSION
    REASON_FAILURE_MESSAGE "On Debian: apt-get install liburcu-dev, or ci/setup for everything.")

if(Urcu_FOUND AND NOT TARGET Urcu::bp)
    foreach(Urcu_part IN ITEMS common bp cds)
        add_library(Urcu::${Urcu_part} UNKNOWN IMPORTED)
        set_target_properties(
            Urcu::${Urcu_part}
            PROPERTIES IMPORTED_LOCATION "${Urcu_${Urcu_part}}"
                       INTERFACE_INCLUDE_DIRECTORIES "${Urcu_INCLUDE_DIR}")
    endforeach()
    target_link_libraries(Urcu::common INTERFACE Threads::Threads)
    target_link_libraries(Urcu::bp INTERFACE Urcu::common)
    target_link_libraries(Urcu::cds INTERFACE Urcu::bp)
endif()
