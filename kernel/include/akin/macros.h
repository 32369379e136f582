/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes of public declarations. Nothing here is part of the interface to remember.
 */
#ifndef AKIN_MACROS_H
#define AKIN_MACROS_H

/* Visible from a shared library; everything without it is hidden. */
#if defined(__GNUC__)
#define AKIN_API __attribute__((visibility("default")))
#else
#define AKIN_API
#endif

/* A status that must be looked at. */
#if defined(__GNUC__)
#define AKIN_MUST_CHECK __attribute__((warn_unused_result))
#else
#define AKIN_MUST_CHECK
#endif

#ifdef __cplusplus
#define AKIN_BEGIN_DECLS extern "C" {
#define AKIN_END_DECLS   }
#else
#define AKIN_BEGIN_DECLS
#define AKIN_END_DECLS
#endif

#endif
