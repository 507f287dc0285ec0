/*
 * What IO elements mean (doc/dictionary.md). Pure, and nothing here is allocated: texts belong to the
 * table, which dictionary/to_c.awk makes from dictionary/avl.csv and models.csv.
 *
 * An id means different things on different families of devices, so everything is asked for a set
 * of families: all that a record may come from. An answer is given only where they agree.
 */
#ifndef PROTO_DICTIONARY_H
#define PROTO_DICTIONARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/avl.h"

enum dictionary_kind {
	DICTIONARY_UNSIGNED,
	DICTIONARY_SIGNED,
	DICTIONARY_HEX, /* an identifier, or bytes whose layout isn't published */
	DICTIONARY_ASCII,
	DICTIONARY_FLAGS,   /* labels name the bits that are set */
	DICTIONARY_IBUTTON, /* bytes in the order of the 1-Wire bus, so reversed for reading */
	DICTIONARY_BEACONS,
	DICTIONARY_ADVERTS,
	DICTIONARY_DTC, /* trouble codes */
};

#define DICTIONARY_VAR 255 /* bytes of a row: variable length */

/* Texts are offsets for dictionary_text(). */
struct dictionary_row {
	uint64_t families; /* sets: bit N is family N */
	uint64_t agree;	   /* all families that give the id this name, kind, scale and unit */
	uint32_t name, unit, labels, state, event, description;
	uint16_t id;
	uint16_t multiplier; /* divided by 10^decimals */
	uint8_t decimals;
	uint8_t kind;
	uint8_t bytes; /* 0: not known */
	uint8_t fits;  /* bit N: the width can hold values of class N */
};

const char *dictionary_text(uint32_t offset);

/*
 * A value by what the JSON of the record shows of it, which keeps no width of numbers: so every
 * reader of a record, with or without its bytes, comes to the same families. 0 to 7, see dictionary/read.awk.
 */
unsigned dictionary_class(const struct avl_io *);

/* The rows of an id: their number, with *first set to the first, which others follow. */
size_t dictionary_rows_of(uint16_t id, const struct dictionary_row **first);

/* The meaning that those of these families give to an id that can send such a value, if they agree; or NULL. */
const struct dictionary_row *dictionary_find(uint64_t families, uint16_t id, unsigned value_class);

/* Families. */
unsigned dictionary_count(void);
const char *dictionary_family_name(unsigned family);
const char *dictionary_group_name(unsigned family);
uint64_t dictionary_all(void);
/* The family of a model, whatever its case, with or without the maker's name and a suffix; 0: unknown. */
uint64_t dictionary_model(const char *model);

/* Model number `i` of the list and its family; NULL behind the last. */
const char *dictionary_model_name(unsigned i, unsigned *family);

enum dictionary_how {
	DICTIONARY_BY_MODEL,
	DICTIONARY_BY_ELEMENTS,	  /* one is left */
	DICTIONARY_OPEN,	  /* several are left */
	DICTIONARY_CONTRADICTION, /* none is left: all are taken as possible */
};

struct dictionary_family {
	uint64_t families;
	enum dictionary_how how;
};

/* The families that a record may come from. `model` may be NULL or unknown. */
void dictionary_family_of(struct dictionary_family *, const char *model, const struct avl_record *);
/* The name of the one family, or of the group that all are of; NULL if they are of several. */
const char *dictionary_family_text(const struct dictionary_family *);

#endif
