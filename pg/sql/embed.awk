# Turns statements, NAME.sql in the order of LC_ALL=C, into C: a table of name and text (pg/sql.h).
# Plain POSIX awk. A line "\ir OTHER.sql" stands for that file of the same folder, as in psql; lines that
# are comments and indentation are left out. Names that begin with an underscore are only for "\ir".
function quoted(text,    out, i, c) {
	# Character by character: what gsub() makes of backslashes differs between awks.
	out = ""
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		out = out (c == "\\" || c == "\"" || c == "?" ? "\\" c : c)
	}
	return "\t\"" out "\\n\""
}

function put(file, depth,    line, status, other) {
	if (depth > 4)
		fail(file ": includes itself")
	while ((status = (getline line < file)) > 0) {
		sub(/^[ \t]+/, "", line)
		if (line == "" || line ~ /^--/)
			continue
		if (line ~ /^\\ir /) {
			other = file
			sub(/[^\/]*$/, "", other)
			put(other substr(line, 5), depth + 1)
		} else {
			print quoted(line)
		}
	}
	if (status < 0)
		fail(file ": can't be read")
	close(file)
}

function fail(why) {
	print "embed.awk: " why > "/dev/stderr"
	failed = 1
	exit 1
}

BEGIN {
	print "/* Made by pg/sql/embed.awk from the .sql files beside it. */"
	print "#include \"pg/sql.h\""
	print ""
	print "const struct pg_statement pg_statements[] = {"
	for (i = 1; i < ARGC; i++) {
		name = ARGV[i]
		sub(/^.*\//, "", name)
		sub(/\.sql$/, "", name)
		if (name ~ /^_/)
			continue
		if (name !~ /^[a-z0-9_]+$/ || ("" != last && name <= last))
			fail(ARGV[i] ": out of order, or not a name")
		last = name
		n++
		printf "\t{\"%s\",\n", name
		put(ARGV[i], 0)
		print "\t},"
	}
	print "};"
	printf "const unsigned pg_nstatements = %d;\n", n
	exit failed
}
