# The dictionary as one JSON object, from what read.awk has read. Sets of families are arrays of names; values are
# classed as in read.awk (`fits`: sum of 2^class). One row is one line.

function quoted(s) {
	gsub(/"/, "\\\"", s)
	return "\"" s "\""
}

function family_set(m,   i, s) {
	for (i = 1; i <= nfamilies; i++) {
		if (m % 2)
			s = s (s == "" ? "" : ",") quoted(family[i])
		m = int(m / 2)
	}
	return "[" s "]"
}

function labels_json(text,   n, i, parts, at, s, e, v) {
	n = split(text, parts, ";")
	for (i = 1; i <= n; i++) {
		at = index(parts[i], "=")
		v = substr(parts[i], 1, at - 1)
		if (sub(/^!/, "", v))
			e = e (e == "" ? "" : ",") v
		s = s (s == "" ? "" : ",") quoted(v) ":" quoted(substr(parts[i], at + 1))
	}
	return (s == "" ? "" : ",\"labels\":{" s "}") (e == "" ? "" : ",\"no_reading\":[" e "]")
}

function optional(key, value) {
	return value == "" ? "" : ",\"" key "\":" value
}

END {
	if (failed)
		exit 1
	printf "{\"families\":["
	for (i = 1; i <= nfamilies; i++)
		printf "%s{\"family\":%s,\"group\":%s}", (i > 1 ? "," : ""), quoted(family[i]), quoted(group_of[family[i]])
	printf "],\n\"models\":{"
	for (i = 1; i <= nmodels; i++)
		printf "%s%s:%s", (i > 1 ? "," : ""), quoted(model[i]), quoted(model_family[i])
	printf "},\n\"parameters\":[\n"
	for (row = 1; row <= nrows; row++)
		printf "{\"id\":%d,\"name\":%s,\"kind\":%s%s%s%s%s%s%s%s%s,\"description\":%s,\"families\":%s,\"agree\":%s,\"fits\":%d}%s\n",
		    id[row], quoted(name[row]), quoted(kind[row]),
		    bytes[row] == "var" ? ",\"bytes\":\"var\"" : optional("bytes", bytes[row] == "1-8" ? "" : bytes[row]),
		    optional("multiplier", multiplier[row]), optional("unit", unit[row] == "" ? "" : quoted(unit[row])),
		    optional("min", low[row]), optional("max", high[row]), labels_json(labels[row]),
		    optional("state", state[row] == "" ? "" : quoted(state[row])),
		    optional("event", event[row] == "" ? "" : quoted(event[row])),
		    quoted(description[row]), family_set(mask[row]), family_set(agree[row]), fits[row], row < nrows ? "," : ""
	print "]}"
}
