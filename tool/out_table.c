/* Tables that fit the screen: columns that find no room stand on a second line of their row, set in. */
#include <stdio.h>
#include <string.h>

#include "tool/out.h"
#include "tool/out_text.h"

#define CELL 512
#define MAX_COLUMNS 64
#define SET_IN 4
#define GAP 2

struct column {
	const char *name;
	int wide;
	bool number;
	bool starts; /* the first of a line that is not the first */
};

struct table {
	struct column at[MAX_COLUMNS];
	int n, room;
};

/* For eyes a time needs no fraction, T and Z: all of them are UTC. */
static void
shorten_time(char *cell)
{
	static const char form[] = "0000-00-00T00:00:00";
	size_t n = strlen(cell);

	if (n < sizeof(form) || cell[n - 1] != 'Z')
		return;
	for (size_t i = 0; i < sizeof(form) - 1; i++)
		if (form[i] == '0' ? cell[i] < '0' || cell[i] > '9' : cell[i] != form[i])
			return;
	cell[10] = ' ';
	cell[sizeof(form) - 1] = '\0';
}

static void
cell_text(const struct table *t, const json_t *row, const struct column *c, char out[CELL])
{
	const json_t *value = json_object_get(row, c->name);
	size_t most = (size_t)(t->room - SET_IN);

	snprintf(out, CELL, "-");
	if (value == NULL)
		return;
	out_scalar(value, out, CELL);
	if (json_is_string(value))
		shorten_time(out);
	if ((size_t)out_width(out) > most) {
		/* Bytes are no fewer than columns. */
		out_copy(out, most - 2, out);
		strcat(out, "...");
	}
}

static void
measure(struct table *t, const json_t *array)
{
	char cell[CELL];
	json_t *row;
	size_t i;

	json_array_foreach((json_t *)array, i, row)
	{
		for (int c = 0; c < t->n; c++) {
			struct column *column = &t->at[c];
			const json_t *value = json_object_get(row, column->name);

			if (value == NULL)
				continue;
			cell_text(t, row, column, cell);
			if (out_width(cell) > column->wide)
				column->wide = out_width(cell);
			column->number =
			    json_is_number(value) || (column->number && json_is_null(value));
		}
	}
}

static void
break_lines(struct table *t)
{
	int at = 0;

	for (int c = 0; c < t->n; c++) {
		int wide = t->at[c].wide + (at > 0 ? GAP : 0);

		if (at > 0 && at + wide > t->room) {
			t->at[c].starts = true;
			at = SET_IN;
			wide = t->at[c].wide;
		}
		at += wide;
	}
}

static void
print_cell(const struct table *t, int c, const char *text)
{
	const struct column *column = &t->at[c];
	bool last = c == t->n - 1 || t->at[c + 1].starts;
	int pad = column->wide - out_width(text);

	if (column->starts)
		printf("%*s", SET_IN, "");
	if (column->number)
		printf("%*s%s", pad, "", text);
	else
		printf("%s%*s", text, last ? 0 : pad, "");
	printf("%s", last ? "\n" : "  ");
}

void
out_table(const json_t *array)
{
	struct table t = {.room = out_columns()};
	char cell[CELL];
	const char *key;
	json_t *value, *row;
	size_t i;

	json_object_foreach(json_array_get(array, 0), key, value)
	{
		if (t.n == MAX_COLUMNS)
			break;
		t.at[t.n++] = (struct column){.name = key, .wide = out_width(key)};
	}
	measure(&t, array);
	break_lines(&t);
	for (int c = 0; c < t.n; c++)
		print_cell(&t, c, t.at[c].name);
	json_array_foreach((json_t *)array, i, row)
	{
		for (int c = 0; c < t.n; c++) {
			cell_text(&t, row, &t.at[c], cell);
			print_cell(&t, c, cell);
		}
	}
}
