# The rows of avl_parameters and avl_models, from what read.awk has read: what `tgctl migrate` puts in place of
# those that are there. One row is one line.

function quoted(s) {
	gsub(/'/, "''", s)
	return "'" s "'"
}

function or_null(s) {
	return s == "" ? "NULL" : s
}

function json(s) {
	gsub(/"/, "\\\"", s)
	return "\"" s "\""
}

function family_set(m,   i, s) {
	for (i = 1; i <= nfamilies; i++) {
		if (m % 2)
			s = s (s == "" ? "" : ",") family[i]
		m = int(m / 2)
	}
	return quoted("{" s "}")
}

# {"0":"off"}; and in no_reading the values whose words stand instead of a reading.
function labels_json(text,   n, i, parts, at, s, v) {
	no_reading = ""
	n = split(text, parts, ";")
	for (i = 1; i <= n; i++) {
		at = index(parts[i], "=")
		v = substr(parts[i], 1, at - 1)
		if (sub(/^!/, "", v))
			no_reading = no_reading (no_reading == "" ? "" : ",") v
		s = s (s == "" ? "" : ",") json(v) ":" json(substr(parts[i], at + 1))
	}
	return s == "" ? "NULL" : quoted("{" s "}")
}

function rank(severity) {
	return severity == "alarm" ? 2 : severity == "warning"
}

# {"1":["towing",2],"*":["level",0]}; ranges are written out.
function events_json(text,   n, i, parts, at, s, v, kind, severity, low, high) {
	worst = 0
	n = split(text, parts, ";")
	for (i = 1; i <= n; i++) {
		at = index(parts[i], "=")
		v = substr(parts[i], 1, at - 1)
		kind = substr(parts[i], at + 1)
		severity = ""
		if ((at = index(kind, ":")) > 0) {
			severity = substr(kind, at + 1)
			kind = substr(kind, 1, at - 1)
		}
		if (rank(severity) > worst)
			worst = rank(severity)
		low = high = v
		if (v ~ /\.\./) {
			sub(/\.\..*$/, "", low)
			sub(/^.*\.\./, "", high)
		}
		for (; v == "*" || low + 0 <= high + 0; low++) {
			s = s (s == "" ? "" : ",") json(v == "*" ? v : low + 0) ":[" json(kind) "," rank(severity) "]"
			if (v == "*")
				break
		}
	}
	return s == "" ? "NULL" : quoted("{" s "}")
}

END {
	if (failed)
		exit 1
	print "-- Made by dictionary/to_sql.awk from the .csv files beside it."
	print "DELETE FROM avl_models;"
	print "INSERT INTO avl_models (model, family, family_group, mask) VALUES"
	for (i = 1; i <= nmodels; i++)
		printf "(%s, %s, %s, %.0f)%s\n", quoted(model[i]), quoted(model_family[i]), quoted(group_of[model_family[i]]),
		    power(2, place[model_family[i]] - 1), i < nmodels ? "," : ";"
	print "DELETE FROM avl_parameters;"
	print "INSERT INTO avl_parameters (id, variant, name, bytes, kind, multiplier, unit, min, max, families, labels,"
	print "no_reading, state, events, severity, description, source, mask, agree, fits) VALUES"
	for (row = 1; row <= nrows; row++) {
		variant = row == first[id[row]] ? 1 : variant + 1
		lab = labels_json(labels[row])
		ev = events_json(event[row])
		printf "(%d, %d, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %d, %s, %s, %.0f, %.0f, %d)%s\n",
		    id[row], variant, quoted(name[row]), bytes[row] == "var" ? 0 : or_null(bytes[row] == "1-8" ? "" : bytes[row]), quoted(kind[row]),
		    or_null(multiplier[row]), unit[row] == "" ? "NULL" : quoted(unit[row]), or_null(low[row]), or_null(high[row]),
		    family_set(mask[row]), lab, no_reading == "" ? "NULL" : quoted("{" no_reading "}"),
		    state[row] == "" ? "NULL" : quoted(state[row]), ev, worst, quoted(description[row]), quoted(source[row]),
		    mask[row], agree[row], fits[row], row < nrows ? "," : ";"
	}
	print "SELECT telematics_dictionary_loaded();"
}
