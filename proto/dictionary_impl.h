/* The generated table of proto/dictionary.c. Not for others. */
#ifndef PROTO_DICTIONARY_IMPL_H
#define PROTO_DICTIONARY_IMPL_H

#include "proto/dictionary.h"

struct dictionary_family_row {
	uint32_t name, group;
};

struct dictionary_model_row {
	uint32_t name;
	uint32_t family;
};

extern const struct dictionary_row dictionary_rows[];
extern const unsigned dictionary_largest; /* id */
extern const uint16_t dictionary_first[]; /* by id, up to the largest and one more */
extern const unsigned dictionary_nfamilies, dictionary_nmodels;
extern const struct dictionary_family_row dictionary_families[];
extern const struct dictionary_model_row dictionary_models[];
extern const char dictionary_texts[];

#endif
