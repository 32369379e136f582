/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call answers: a status, and on request a description of what was wrong.
 *
 * Every call that can fail returns enum akin_status; results go through out-parameters, which are
 * left alone unless the status is AKIN_OK (the few exceptions say so). A call that does not return
 * AKIN_OK has changed nothing (G10), except akin_build, akin_clear and akin_maintain, which say how
 * far they came.
 */
#ifndef AKIN_STATUS_H
#define AKIN_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include "akin/macros.h"

AKIN_BEGIN_DECLS

enum akin_status {
    AKIN_OK = 0,

    /* Outcomes: the call worked, the answer is no. */
    AKIN_NOT_FOUND = -1, /* no live entry has this key */
    AKIN_EXISTS = -2,    /* insert: a live entry has this key already */
    AKIN_BUFFER_TOO_SMALL =
        -3,            /* the buffer holds fewer bytes than the answer; needed size is given */
    AKIN_STOPPED = -4, /* a callback asked to stop */

    /* Environment: this machine, this moment. */
    AKIN_NO_MEMORY = -20,   /* the allocator hook returned NULL */
    AKIN_OVER_BUDGET = -21, /* the memory budget of the index does not allow it */
    AKIN_CONFLICT = -22,    /* somebody else's commit came first */
    AKIN_RECLAIM_STALLED =
        -23,                /* too much memory waits for readers; search, get, delete still work */
    AKIN_INDEX_FULL = -24,  /* no slot number is left */
    AKIN_BUSY = -25,        /* an explicit context is in use by another call */
    AKIN_IN_CALLBACK = -26, /* a call that waits was made inside a read section (filter callback) */
    AKIN_THREAD_FAILED = -27, /* the maintenance thread could not be started */
    AKIN_IO = -28,            /* a system call on a file failed */
    AKIN_CORRUPT = -29,       /* a file, or the index itself, is damaged */
    AKIN_INCOMPATIBLE = -30,  /* a file of another version or another byte order */

    /* Misuse: the caller's arguments. */
    AKIN_BAD_ARGUMENT =
        -40, /* a required pointer is NULL, or a flag or reserved field is unknown */
    AKIN_BAD_STRUCT_SIZE = -41, /* struct_size is not that of any known version */
    AKIN_BAD_DIM = -42,         /* dimension outside 1..16384, or not that of the index */
    AKIN_BAD_METRIC = -43,      /* unknown metric */
    AKIN_BAD_TYPE = -44,        /* unknown element type, or not that of the index */
    AKIN_BAD_KIND = -45,        /* unknown index kind */
    AKIN_BAD_K = -46,           /* k outside 1..10000 */
    AKIN_BAD_BUDGET =
        -47, /* memory bounds that cannot hold an empty index, or contradict each other */
    AKIN_BAD_THREADS = -48, /* threads outside 1..4096 */
    AKIN_NOT_FINITE = -49,  /* a vector holds NaN or infinity, or its norm overflows under cosine */
    AKIN_ZERO_VECTOR = -50, /* a vector without direction under cosine */
    AKIN_PAYLOAD_TOO_LARGE = -51 /* payload above AKIN_PAYLOAD_BYTES_MAX */
};

/* What a caller can do about a status. */
enum akin_status_class {
    AKIN_CLASS_OK = 0,        /* nothing to do */
    AKIN_CLASS_INPUT = 1,     /* the arguments: the same call will be answered the same way */
    AKIN_CLASS_TRANSIENT = 2, /* this moment: the same call may work later */
    AKIN_CLASS_PERMANENT = 3  /* this index or file: it will not work by trying again */
};

/*
 * What was wrong, for a person and for a program. Filled by calls that take one and do not return
 * AKIN_OK; left alone otherwise. Strings are the library's and live as long as the program, except
 * `message`, which is part of the struct.
 */
struct akin_error {
    enum akin_status status; /* the same as the call's answer */
    const char *field;       /* the parameter or struct field, "" if none is to blame */
    double value;      /* what was given; the element for AKIN_NOT_FINITE; 0 if not a number */
    double bound_min;  /* smallest value allowed, if there is one, else 0 */
    double bound_max;  /* largest value allowed, if there is one, else 0 */
    uint64_t position; /* index of the element, row or byte, when the field is an array, else 0 */
    int os_error;      /* errno of a failed system call (AKIN_IO), else 0 */
    char message[200]; /* one sentence, always terminated */
};

/*
 * Describe a status in a few words.
 *
 * Input     : status: any value.
 * Output    : a string of the library's; "unknown status" for an unknown one.
 * Ownership : the library's; lives as long as the program.
 * Threads   : PURE; wait-free.
 * Order     : none.
 * Linearizes: none.
 * Status    : cannot fail.
 * Cost      : constant; allocates nothing.
 * Source    : ours.
 */
AKIN_API const char *akin_strerror(enum akin_status status);

/*
 * Return the name of a status as it stands in this header, for logs: "AKIN_NOT_FOUND".
 *
 * Input, Output, Ownership, Threads, Order, Linearizes, Status, Cost, Source: as akin_strerror.
 */
AKIN_API const char *akin_status_name(enum akin_status status);

/*
 * Return the class of a status: whose fault it is and whether trying again can help.
 *
 * Input     : status: any value; an unknown one is AKIN_CLASS_PERMANENT.
 * Output    : the class.
 * Ownership : none.
 * Threads   : PURE; wait-free.
 * Order     : none.
 * Linearizes: none.
 * Status    : cannot fail.
 * Cost      : constant; allocates nothing.
 * Source    : the three classes are those of error handling in service libraries; ours.
 */
AKIN_API enum akin_status_class akin_status_classify(enum akin_status status);

AKIN_END_DECLS

#endif
