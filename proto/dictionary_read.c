/* One IO element in words: see dictionary_read.h. */
#include "proto/dictionary_read.h"

#include "proto/dictionary_list.h"
#include "proto/wire.h"

/* -? digits at *p up to `end` of a text; leaves *p behind them. */
static int64_t
integer(const char **p)
{
	bool negative = **p == '-';
	int64_t v = 0;

	if (negative)
		(*p)++;
	for (; **p >= '0' && **p <= '9'; (*p)++)
		v = v * 10 + (**p - '0');
	return negative ? -v : v;
}

/* "0=off;!850=sensor not ready": the words for a value; *error if they stand instead of a reading. */
static const char *
label_of(const char *labels, int64_t value, size_t *len, bool *error)
{
	while (*labels != '\0') {
		const char *words;
		int64_t v;

		*error = *labels == '!';
		if (*error)
			labels++;
		v = integer(&labels);
		words = ++labels; /* behind the = */
		while (*labels != ';' && *labels != '\0')
			labels++;
		*len = (size_t)(labels - words);
		if (v == value)
			return words;
		if (*labels == ';')
			labels++;
	}
	*len = 0;
	*error = false;
	return NULL;
}

static uint64_t
unsigned_value(const struct avl_io *io)
{
	uint64_t v = 0;

	for (size_t i = 0; i < io->len && i < 8; i++)
		v = v << 8 | io->value[i];
	return v;
}

static int64_t
signed_value(const struct avl_io *io)
{
	uint64_t v = unsigned_value(io);

	if (io->len < 8 && io->len > 0 && v >> (8 * io->len - 1) != 0)
		return (int64_t)v - ((int64_t)1 << (8 * io->len));
	return (int64_t)v;
}

static bool
width_is(const struct dictionary_row *row, size_t len)
{
	return row->bytes == 0 || row->bytes == DICTIONARY_VAR || row->bytes == len;
}

/* As dictionary_find(), with the length that the packet gave. */
static const struct dictionary_row *
find(uint64_t families, const struct avl_io *io, enum dictionary_note *note)
{
	unsigned value_class = dictionary_class(io);
	const struct dictionary_row *row, *sibling;
	size_t n = dictionary_rows_of(io->id, &sibling);
	bool here = false, fits = false;

	row = dictionary_find(families, io->id, value_class);
	*note = DICTIONARY_CLEAR;
	if (row != NULL && width_is(row, io->len))
		return row;
	*note = n == 0 ? DICTIONARY_UNKNOWN : DICTIONARY_FOREIGN;
	for (; n > 0; n--, sibling++) {
		if ((sibling->families & families) == 0)
			continue;
		here = true;
		if ((sibling->fits >> value_class & 1) == 0)
			continue;
		fits = true;
		if (row != NULL && width_is(sibling, io->len)) {
			*note = DICTIONARY_CLEAR; /* the same meaning in another width */
			return sibling;
		}
	}
	if (here)
		*note = fits && row == NULL ? DICTIONARY_AMBIGUOUS : DICTIONARY_WIDTH;
	return NULL;
}

/* No name for it. Negative only if all that it may mean are signed. */
static void
read_raw(struct dictionary_reading *r, uint64_t families, const struct avl_io *io, struct writer *w)
{
	const struct dictionary_row *row;
	size_t n = dictionary_rows_of(io->id, &row);
	unsigned value_class = dictionary_class(io);
	bool is_signed = false;

	if (io->variable || io->len > 4) {
		r->shape = io->len > 0 ? DICTIONARY_TEXT : DICTIONARY_NOTHING;
		put_hex(w, io->value, io->len);
		return;
	}
	for (; n > 0; n--, row++) {
		if ((row->families & families) == 0 || (row->fits >> value_class & 1) == 0)
			continue;
		is_signed = row->kind == DICTIONARY_SIGNED && row->bytes == io->len;
		if (!is_signed)
			break;
	}
	r->shape = DICTIONARY_NUMBER;
	r->raw = is_signed ? signed_value(io) : (int64_t)unsigned_value(io);
	put_integer(w, r->raw, 0);
}

/* Labels are told only where all families that it may come from have the same. */
static bool
labels_agree(const struct dictionary_row *row, uint64_t families, const struct avl_io *io)
{
	unsigned value_class = dictionary_class(io);
	const struct dictionary_row *sibling;
	size_t n = dictionary_rows_of(io->id, &sibling);

	for (; n > 0; n--, sibling++)
		if ((sibling->families & families) != 0 && sibling->labels != row->labels &&
		    (sibling->fits >> value_class & 1) != 0)
			return false;
	return true;
}

static void
read_number(
    struct dictionary_reading *r, uint64_t families, const struct avl_io *io, struct writer *w)
{
	const struct dictionary_row *row = r->row;
	bool negative, error = false;
	uint64_t magnitude;

	r->raw = row->kind == DICTIONARY_SIGNED ? signed_value(io) : (int64_t)unsigned_value(io);
	negative = row->kind == DICTIONARY_SIGNED && r->raw < 0;
	magnitude = negative ? 0 - (uint64_t)r->raw : (uint64_t)r->raw;
	if (labels_agree(row, families, io))
		r->label = label_of(dictionary_text(row->labels), r->raw, &r->label_len, &error);
	if (error) {
		r->note = DICTIONARY_NO_READING;
		return;
	}
	r->shape = DICTIONARY_NUMBER;
	if (magnitude > UINT64_MAX / row->multiplier)
		put_decimal(w, negative, magnitude, 0); /* no quantity is that large */
	else
		put_decimal(w, negative, magnitude * row->multiplier, row->decimals);
}

/* False: it is not text. */
static bool
read_text(struct dictionary_reading *r, const struct avl_io *io, struct writer *w)
{
	size_t n = io->len;

	while (n > 0 && io->value[n - 1] == '\0')
		n--;
	for (size_t i = 0; i < n; i++)
		if (io->value[i] < ' ' || io->value[i] > '~')
			return false;
	if (n > 0)
		r->shape = DICTIONARY_TEXT;
	put_text(w, (const char *)io->value, n);
	return true;
}

/* Text or hex; but what JSON shows as a number stays one. */
static void
read_bytes(struct dictionary_reading *r, const struct avl_io *io, struct writer *w)
{
	if (!io->variable && io->len <= 4) {
		r->shape = DICTIONARY_NUMBER;
		r->raw = (int64_t)unsigned_value(io);
		put_integer(w, r->raw, 0);
		return;
	}
	if (r->row->kind == DICTIONARY_ASCII) {
		if (read_text(r, io, w))
			return;
		r->note = DICTIONARY_CUT_SHORT;
	}
	r->shape = io->len > 0 ? DICTIONARY_TEXT : DICTIONARY_NOTHING;
	put_hex(w, io->value, io->len);
}

static void
read_flags(struct dictionary_reading *r, const struct avl_io *io, struct writer *w)
{
	const char *labels = dictionary_text(r->row->labels);
	uint64_t word = unsigned_value(io);
	bool error, some = false;

	r->raw = (int64_t)word;
	r->shape = DICTIONARY_JSON;
	put_string(w, "[");
	for (unsigned bit = 0; bit < 64; bit++) {
		size_t n;
		const char *words = label_of(labels, bit, &n, &error);

		if ((word >> bit & 1) == 0)
			continue;
		put_string(w, some ? ",\"" : "\"");
		if (words != NULL)
			put_text(w, words, n);
		else
			put_string(w, "bit "), put_integer(w, bit, 0);
		put_string(w, "\"");
		some = true;
	}
	put_string(w, "]");
}

static void
read_ibutton(struct dictionary_reading *r, const struct avl_io *io, struct writer *w)
{
	if (unsigned_value(io) == 0)
		return; /* none is attached */
	r->shape = DICTIONARY_TEXT;
	for (size_t i = io->len; i > 0; i--)
		put_hex(w, io->value + i - 1, 1);
}

static void
read_list(struct dictionary_reading *r, const struct avl_io *io, struct writer *w)
{
	bool whole;

	r->shape = DICTIONARY_JSON;
	if (io->len == 0) {
		r->shape = DICTIONARY_NOTHING;
		return;
	}
	if (r->row->kind == DICTIONARY_DTC) {
		char *begin = w->at;

		if (list_codes(w, io->value, io->len))
			return;
		w->at = begin;
		whole = false;
		r->shape = DICTIONARY_TEXT;
		put_hex(w, io->value, io->len);
	} else {
		whole = r->row->kind == DICTIONARY_BEACONS ? list_beacons(w, io->value, io->len)
							   : list_adverts(w, io->value, io->len);
	}
	if (!whole)
		r->note = DICTIONARY_CUT_SHORT;
}

void
dictionary_read(struct dictionary_reading *r, uint64_t families, const struct avl_io *io, char *out)
{
	struct writer w = {out};

	*r = (struct dictionary_reading){0};
	r->row = find(families, io, &r->note);
	if (r->row == NULL) {
		read_raw(r, families, io, &w);
		r->len = (size_t)(w.at - out);
		return;
	}
	switch ((enum dictionary_kind)r->row->kind) {
	case DICTIONARY_UNSIGNED:
	case DICTIONARY_SIGNED:
		read_number(r, families, io, &w);
		break;
	case DICTIONARY_ASCII:
	case DICTIONARY_HEX:
		read_bytes(r, io, &w);
		break;
	case DICTIONARY_FLAGS:
		read_flags(r, io, &w);
		break;
	case DICTIONARY_IBUTTON:
		read_ibutton(r, io, &w);
		break;
	case DICTIONARY_BEACONS:
	case DICTIONARY_ADVERTS:
	case DICTIONARY_DTC:
		read_list(r, io, &w);
		break;
	}
	r->len = (size_t)(w.at - out);
}

const char *
dictionary_note_text(enum dictionary_note note)
{
	switch (note) {
	case DICTIONARY_CLEAR:
		return "";
	case DICTIONARY_UNKNOWN:
		return "id not in the dictionary";
	case DICTIONARY_FOREIGN:
		return "id of other families";
	case DICTIONARY_WIDTH:
		return "width not in the dictionary";
	case DICTIONARY_AMBIGUOUS:
		return "means different things on the families it may come from";
	case DICTIONARY_NO_READING:
		return "no reading";
	case DICTIONARY_CUT_SHORT:
		return "not whole";
	}
	return "";
}

/* "1=towing:alarm;0..20=low;*=level": the first that fits. */
void
dictionary_event(struct dictionary_event *e, const struct dictionary_row *row, bool known,
    int64_t raw, uint8_t priority)
{
	const char *p = row != NULL ? dictionary_text(row->event) : "";

	*e = (struct dictionary_event){.severity = priority >= 2   ? DICTIONARY_ALARM
						   : priority == 1 ? DICTIONARY_WARNING
								   : DICTIONARY_INFO};
	while (*p != '\0') {
		bool fits = *p == '*';
		const char *kind;
		size_t n = 0;

		if (fits) {
			p++;
		} else {
			int64_t low = integer(&p), high = low;

			if (*p == '.') {
				p += 2;
				high = integer(&p);
			}
			fits = known && raw >= low && raw <= high;
		}
		kind = ++p;
		while (*p != ';' && *p != ':' && *p != '\0')
			p++, n++;
		if (fits) {
			e->kind = kind;
			e->kind_len = n;
			if (*p == ':' && p[1] == 'a')
				e->severity = DICTIONARY_ALARM;
			else if (*p == ':' && e->severity < DICTIONARY_WARNING)
				e->severity = DICTIONARY_WARNING;
			return;
		}
		while (*p != ';' && *p != '\0')
			p++;
		if (*p == ';')
			p++;
	}
}
