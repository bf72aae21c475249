/*
 * A set of byte strings that grows: how the levels of a column are collected
 * while its kind is not known yet.
 */
#ifndef MLS_TABLE_DICTIONARY_H
#define MLS_TABLE_DICTIONARY_H

#include "mlspec/schema.h"

/* { 0 } is empty.  Members in the order in which they came. */
struct mls_level_set {
    int64_t count;
    int64_t capacity;           /* of hash and offset */
    uint64_t *hash;             /* one per member */
    int64_t *offset;            /* where each member starts in bytes */
    char *bytes;
    int64_t used, bytes_capacity;
    uint32_t *slots;            /* 0 empty, else member + 1 */
    int64_t slot_count;
    bool hashes_only;           /* members are told apart by their hash */
};

/* 64 bits that stand for a string. */
uint64_t mls_bytes_hash(const char *bytes, size_t length);

MLS_CHECK bool mls_level_set_add(struct mls_level_set *set, const char *bytes,
                                 size_t length, struct mls_error *err);
/* Forgets the strings and goes on with hashes alone: only counts from here. */
void mls_level_set_drop_bytes(struct mls_level_set *set);
/* A new dictionary of the members; not for hashes_only. */
MLS_CHECK struct mls_dictionary *
mls_level_set_dictionary(const struct mls_level_set *set,
                         struct mls_error *err);
void mls_level_set_clear(struct mls_level_set *set);

#endif
