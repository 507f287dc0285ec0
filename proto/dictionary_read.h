/*
 * One IO element in words: name, scaled value, unit, label, and structured elements as JSON
 * (doc/dictionary.md). Pure; what can't be understood comes out as it came in, with a note.
 */
#ifndef PROTO_DICTIONARY_READ_H
#define PROTO_DICTIONARY_READ_H

#include "proto/dictionary.h"

enum dictionary_note {
	DICTIONARY_CLEAR,
	DICTIONARY_UNKNOWN,    /* no family has this id */
	DICTIONARY_FOREIGN,    /* other families have it */
	DICTIONARY_WIDTH,      /* not in a width of this length */
	DICTIONARY_AMBIGUOUS,  /* the families that are left differ */
	DICTIONARY_NO_READING, /* the label says why there is no value */
	DICTIONARY_CUT_SHORT,  /* a list ends in the middle; or bytes that should be text are not */
};

enum dictionary_shape {
	DICTIONARY_NOTHING, /* no reading, or text of length zero */
	DICTIONARY_NUMBER,  /* a decimal number */
	DICTIONARY_TEXT,    /* printable ASCII, or hex */
	DICTIONARY_JSON,
};

struct dictionary_reading {
	const struct dictionary_row *row; /* NULL: no name for it */
	enum dictionary_note note;
	enum dictionary_shape shape;
	size_t len; /* of the value, in `out`; no NUL behind it */
	const char *label;
	size_t label_len; /* 0: none */
	int64_t raw;	  /* of numbers: before scaling; of 8 bytes: modulo 2^64 */
};

/* Room that dictionary_read() needs for an element of `len` bytes. */
#define DICTIONARY_READ_ROOM(len) ((size_t)2048 + 16 * (size_t)(len))

/* Reads an element of a record that comes from one of `families`. */
void dictionary_read(
    struct dictionary_reading *, uint64_t families, const struct avl_io *, char *out);

/* Words for a note; "" for DICTIONARY_CLEAR. */
const char *dictionary_note_text(enum dictionary_note);

/* What a record with this element as its event says: kind and severity. */
enum dictionary_severity { DICTIONARY_INFO, DICTIONARY_WARNING, DICTIONARY_ALARM };

struct dictionary_event {
	const char *kind; /* NULL: none of its own, the name stands for it */
	size_t kind_len;
	enum dictionary_severity severity;
};

/* `known`: the record has a value, `raw`. Priority 1 is at least a warning, 2 and more an alarm. */
void dictionary_event(struct dictionary_event *, const struct dictionary_row *, bool known,
    int64_t raw, uint8_t priority);

#endif
