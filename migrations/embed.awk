# Turns migrations/NNNN_what.sql, given in order, into C: a table of version, name and text.
# Files of one number are one migration, named by the first. Behind them comes dictionary.sql, a text of its own. Plain
# POSIX awk. Fails if the numbers aren't 1, 2, 3 ... without a gap.
BEGIN {
	print "/* Made by migrations/embed.awk from the .sql files beside it. */"
	print "#include \"migrations/migrations.h\""
	print ""
	print "const struct migration migrations[] = {"
}
FNR == 1 && FILENAME ~ /(^|\/)dictionary\.sql$/ {
	print "\t},\n};"
	printf "const size_t nmigrations = %d;\n\nconst char dictionary_sql[] =\n", n
	dictionary = 1
}
FNR == 1 && !dictionary {
	name = FILENAME
	sub(/^.*\//, "", name)
	sub(/\.sql$/, "", name)
	number = substr(name, 1, 4)
	sub(/^0+/, "", number) # to some awks it would be octal
	number += 0
	if (name !~ /^[0-9][0-9][0-9][0-9]_[a-z0-9_]+$/ || number < 1 || number < n || number > n + 1) {
		print "embed.awk: " FILENAME ": expected migration number " n + 1 > "/dev/stderr"
		failed = 1
		exit 1
	}
	if (number > n) {
		if (n++ > 0)
			print "\t},"
		printf "\t{%d, \"%s\",\n", n, name
	}
}
{
	# Character by character: what gsub() makes of backslashes differs between awks.
	line = ""
	for (i = 1; i <= length($0); i++) {
		c = substr($0, i, 1)
		if (c == "\\" || c == "\"" || c == "?")
			line = line "\\" c
		else if (c == "\t")
			line = line "\\t"
		else
			line = line c
	}
	print "\t\"" line "\\n\""
}
END {
	if (failed)
		exit 1
	print "\t;"
}
