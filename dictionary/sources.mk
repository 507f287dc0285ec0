# What IO elements mean: two tables, from which C, SQL and JSON are made. A wrong row stops the build. The
# generators are POSIX awk; bytes are bytes to them, so they run in the locale C.
dictionary_tables = dictionary/models.csv dictionary/avl.csv
dictionary_awk = dictionary/read.awk dictionary/to_c.awk dictionary/to_json.awk dictionary/to_sql.awk
EXTRA_DIST += $(dictionary_tables) $(dictionary_awk) dictionary/README.md
dictionary_run = LC_ALL=C $(AWK) -f $(srcdir)/dictionary/read.awk
dictionary_read = $(srcdir)/dictionary/models.csv $(srcdir)/dictionary/avl.csv
dictionary_made = proto/dictionary_table.c dictionary/dictionary.json
CLEANFILES += $(dictionary_made) proto/dictionary_table.c.tmp dictionary/dictionary.json.tmp

proto/dictionary_table.c: $(dictionary_tables) dictionary/read.awk dictionary/to_c.awk
	$(AM_V_GEN)$(MKDIR_P) proto
	$(AM_V_at)$(dictionary_run) -f $(srcdir)/dictionary/to_c.awk $(dictionary_read) > $@.tmp && mv -f $@.tmp $@

# For web applications: names, scales and labels by family, and what telematics_io() does with them.
dictionary/dictionary.json: $(dictionary_tables) dictionary/read.awk dictionary/to_json.awk
	$(AM_V_GEN)$(MKDIR_P) dictionary
	$(AM_V_at)$(dictionary_run) -f $(srcdir)/dictionary/to_json.awk $(dictionary_read) > $@.tmp && mv -f $@.tmp $@
dictionary_jsondir = $(pkgdatadir)
dictionary_json_DATA = dictionary/dictionary.json
