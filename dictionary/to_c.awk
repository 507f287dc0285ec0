# The table of proto/dictionary.h, from what read.awk has read. Texts lie in one pool and rows point into it by
# number, so that the table needs no relocation and stays shared between processes.

function offset_of(s) {
	if (!(s in at)) {
		at[s] = pooled
		pooled += length(s) + 1
		pool[++npool] = s
	}
	return at[s]
}

# "0.125" is 125 and 3 decimals.
function scale(m,   decimals) {
	decimals = index(m, ".") ? length(m) - index(m, ".") : 0
	sub(/\./, "", m)
	sub(/^0+/, "", m)
	return (m == "" ? 0 : m) ", " decimals
}

END {
	if (failed)
		exit 1
	offset_of("")
	print "/* Made by dictionary/to_c.awk from the .csv files beside it. */"
	print "#include \"proto/dictionary_impl.h\""
	print ""
	print "const struct dictionary_row dictionary_rows[] = {"
	for (row = 1; row <= nrows; row++)
		printf "\t{UINT64_C(%.0f), UINT64_C(%.0f), %d, %d, %d, %d, %d, %d, %d, %s, DICTIONARY_%s, %s, %d},\n",
		    mask[row], agree[row], offset_of(name[row]), offset_of(unit[row]), offset_of(labels[row]), offset_of(state[row]),
		    offset_of(event[row]), offset_of(description[row]), id[row], kind[row] ~ /signed$/ ? scale(multiplier[row]) : "1, 0",
		    toupper(kind[row]), (bytes[row] == "" || bytes[row] == "1-8" ? "0" : (bytes[row] == "var" ? "DICTIONARY_VAR" : bytes[row])),
		    fits[row]
	print "};"
	printf "\n/* Where the rows of an id begin; those of the next id are behind them. */\n"
	largest = id[nrows] + 0
	printf "const unsigned dictionary_largest = %d;\nconst uint16_t dictionary_first[] = {", largest
	row = 1
	for (i = 0; i <= largest + 1; i++) {
		while (row <= nrows && id[row] + 0 < i)
			row++
		printf "%s%d,", i % 16 == 0 ? "\n\t" : " ", row - 1
	}
	print "\n};"
	printf "\nconst unsigned dictionary_nfamilies = %d;\nconst struct dictionary_family_row dictionary_families[] = {\n",
	    nfamilies
	for (i = 1; i <= nfamilies; i++)
		printf "\t{%d, %d},\n", offset_of(family[i]), offset_of(group_of[family[i]])
	print "};"
	printf "\nconst unsigned dictionary_nmodels = %d;\nconst struct dictionary_model_row dictionary_models[] = {\n",
	    nmodels
	for (i = 1; i <= nmodels; i++)
		printf "\t{%d, %d},\n", offset_of(model[i]), place[model_family[i]] - 1
	print "};"
	print "\nconst char dictionary_texts[] ="
	for (i = 1; i <= npool; i++) {
		gsub(/"/, "\\\"", pool[i])
		gsub(/\?/, "\\?", pool[i])
		printf "\t\"%s\\0\"\n", pool[i]
	}
	print "\t;"
}
