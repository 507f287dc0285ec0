# Reads dictionary/models.csv and dictionary/avl.csv, in that order, and proves that they make sense: a wrong
# row ends the build with file and line. Plain POSIX awk. What follows it on the command line
# (to_c.awk, to_sql.awk, to_json.awk) writes from these arrays in its END:
#
#   nfamilies, family[1..], group_of[family], model[1..nmodels], model_family[], model_source[]
#   nrows, id[], name[], bytes[], kind[], multiplier[], unit[], low[], high[], labels[], state[], event[],
#   description[], source[]; mask[row], agree[row], fits[row] (below)
#
# Sets of families are numbers: the sum of 2^(place - 1). Values fall into eight classes by what JSON shows of
# them, and fits[row] is the sum of 2^class for those that the row's width can hold:
#
#   0: 0..127  1: ..255  2: ..32767  3: ..65535  4: ..2147483647  5: ..4294967295  6: 16 hex digits  7: other hex
#
# agree[row]: the families that give the id the same meaning (name, kind, scale, unit), whatever the width.

BEGIN {
	header["models"] = "model,family,group,source"
	header["avl"] = "id,name,bytes,kind,multiplier,unit,min,max,families,labels,state,event,description,source"
	split("unsigned signed hex ascii flags ibutton beacons adverts dtc", list, " ")
	for (i in list)
		kinds[list[i]] = 1
	# The same set in the columns of the view device_state and in doc/; an unknown one would be lost there.
	split("ignition movement external_voltage battery_voltage battery_level odometer trip_odometer" \
	    " vehicle_odometer vehicle_odometer_km vehicle_speed fuel_level_l fuel_level_percent engine_rpm coolant_temperature" \
	    " gsm_signal gsm_operator gnss_status sleep_mode trip hdop pdop driver_id driver_id_high" \
	    " driver_id_low vin vin_part_1 vin_part_2 vin_part_3 iccid iccid_high iccid_low unplugged" \
	    " temperature_1 temperature_2 din1 din2 din3 dout1 dout2", list, " ")
	for (i in list)
		states[list[i]] = 1
	# SI and what is used beside it, percent, and revolutions; nothing else is a unit.
	split("% °C ° °/s V A Ah mAh W kW Wh kWh Wh/km kWh/100km m km cm mm m² m²/h m³ l ml l/h l/100km km/l" \
	    " kg kg/h t g g/s g/m² mg s ms min h d km/h m/s rpm Hz bpm kPa bar N lx dB dBm", list, " ")
	for (i in list)
		units[list[i]] = 1
}

function wrong(what) {
	printf "%s:%d: %s\n", FILENAME, FNR, what > "/dev/stderr"
	failed = 1
}

# Splits a line of CSV into field[1..]; returns their number, 0 if a quotation isn't closed.
function csv(line,   n, s, at) {
	n = 0
	for (;;) {
		s = ""
		if (substr(line, 1, 1) == "\"") {
			line = substr(line, 2)
			while ((at = index(line, "\"")) > 0 && substr(line, at + 1, 1) == "\"") {
				s = s substr(line, 1, at)
				line = substr(line, at + 2)
			}
			if (at == 0)
				return 0
			s = s substr(line, 1, at - 1)
			line = substr(line, at + 1)
		} else if ((at = index(line, ",")) > 0) {
			s = substr(line, 1, at - 1)
			line = substr(line, at)
		} else {
			s = line
			line = ""
		}
		field[++n] = s
		if (line == "")
			return n
		if (substr(line, 1, 1) != ",")
			return 0
		line = substr(line, 2)
	}
}

# Some awks are built without the operator.
function power(base, n,   product) {
	for (product = 1; n > 0; n--)
		product *= base
	return product
}

function is_integer(s) {
	return s ~ /^-?(0|[1-9][0-9]*)$/
}

FNR == 1 {
	table = FILENAME
	sub(/^.*\//, "", table)
	sub(/\.csv$/, "", table)
	if (!(table in header)) {
		wrong("neither models.csv nor avl.csv")
		exit 1
	}
	ncolumns = split(header[table], list, ",")
	if ($0 != header[table])
		wrong("the columns must be " header[table])
	next
}

{
	if ($0 ~ /[\r\t\\]/)
		wrong("a tab, a backslash or a carriage return")
	if (csv($0) != ncolumns) {
		wrong("not " ncolumns " columns")
		next
	}
}

table == "models" {
	if (field[1] !~ /^[A-Z]+[0-9]+[A-Z]?[0-9]?$/)
		wrong("a model is letters and a number in capitals: " field[1])
	if (field[1] in seen_model)
		wrong("model " field[1] " stands here twice")
	seen_model[field[1]] = 1
	if (field[2] !~ /^[a-z0-9]+$/ || field[3] !~ /^[a-z0-9]+$/)
		wrong("a family and its group are lower-case letters and digits")
	if (field[2] in group_of && group_of[field[2]] != field[3])
		wrong("family " field[2] " is in two groups")
	if (!(field[2] in group_of)) {
		family[++nfamilies] = field[2]
		place[field[2]] = nfamilies
		group_of[field[2]] = field[3]
		members[field[3]] = members[field[3]] " " field[2]
	}
	if (field[4] == "")
		wrong("no source")
	model[++nmodels] = field[1]
	model_family[nmodels] = field[2]
	model_source[nmodels] = field[4]
	next
}

# "fmb can ft(ftc134 ftc305)": a group, or some families of it. Fills in[row, place].
function read_families(row, text,   n, i, j, k, part, some, group, of) {
	while (text != "") {
		if (match(text, /^[a-z0-9]+(\([a-z0-9 ]+\))?( |$)/) == 0) {
			wrong("families can't be read from: " text)
			return
		}
		part = substr(text, 1, RLENGTH)
		text = substr(text, RLENGTH + 1)
		sub(/ $/, "", part)
		group = part
		sub(/\(.*$/, "", group)
		if (!(group in members)) {
			wrong("no model is of a family of group " group)
			continue
		}
		some = members[group]
		if (part ~ /\(/) {
			some = part
			sub(/^.*\(/, "", some)
			sub(/\)$/, "", some)
		}
		n = split(some, of, " ")
		for (i = 1; i <= n; i++) {
			if (!(of[i] in place) || group_of[of[i]] != group) {
				wrong("group " group " has no family " of[i])
				continue
			}
			k = place[of[i]]
			if ((row, k) in in_family)
				wrong("family " of[i] " stands here twice")
			if ((id[row], k) in taken)
				wrong("id " id[row] " has a meaning for " of[i] " already, in line " taken[id[row], k])
			in_family[row, k] = 1
			taken[id[row], k] = FNR
			mask[row] += power(2, k - 1)
		}
	}
	if (mask[row] == 0)
		wrong("no families")
}

# "0=off;!2=error": every value once, an integer (of flags: the number of a bit).
function check_labels(row,   n, i, parts, value) {
	n = split(labels[row], parts, ";")
	for (i = 1; i <= n; i++) {
		value = parts[i]
		sub(/^!/, "", value)
		if (value !~ /^-?[0-9]+=./ || value ~ /"/) {
			wrong("a label is VALUE=WORDS: " parts[i])
			continue
		}
		sub(/=.*$/, "", value)
		if (!is_integer(value))
			wrong("the value of a label is an integer: " parts[i])
		if ((row, value) in labelled)
			wrong("value " value " has two labels")
		labelled[row, value] = 1
		if (kind[row] == "flags" && (value + 0 < 0 || value + 0 >= 8 * bytes[row]))
			wrong("the word has no bit " value)
		if ((bytes[row] == 1 || bytes[row] == 2 || bytes[row] == 4) && kind[row] != "flags" &&
		    (value + 0 >= power(256, bytes[row]) || value + 0 < -power(256, bytes[row]) / 2))
			wrong("value " value " doesn't fit " bytes[row] " bytes")
	}
}

# "1=towing:alarm;0=towing_end;*=NAME": by value, by range (0..20) or for all that is left.
function check_event(row,   n, i, parts, severity) {
	n = split(event[row], parts, ";")
	for (i = 1; i <= n; i++) {
		if (parts[i] !~ /^(-?[0-9]+|[0-9]+\.\.[0-9]+|\*)=[a-z][a-z0-9_]*(:[a-z]+)?$/) {
			wrong("an event is VALUE=KIND or VALUE=KIND:SEVERITY: " parts[i])
			continue
		}
		severity = parts[i]
		if (sub(/^.*:/, "", severity) && severity != "warning" && severity != "alarm")
			wrong("a severity is warning or alarm, and info where none stands: " severity)
	}
}

table == "avl" {
	row = ++nrows
	id[row] = field[1]; name[row] = field[2]; bytes[row] = field[3]; kind[row] = field[4]
	multiplier[row] = field[5]; unit[row] = field[6]; low[row] = field[7]; high[row] = field[8]
	labels[row] = field[10]; state[row] = field[11]; event[row] = field[12]
	description[row] = field[13]; source[row] = field[14]
	line_of[row] = FNR
	if (!is_integer(id[row]) || id[row] + 0 < 1 || id[row] + 0 > 65535)
		wrong("an id is a number from 1 to 65535: " id[row])
	if (row > 1 && id[row] + 0 < id[row - 1] + 0)
		wrong("ids must ascend")
	if (name[row] !~ /^[a-z][a-z0-9_]*$/ || name[row] ~ /^io_/)
		wrong("a name is lower-case letters, digits and _: " name[row])
	if (bytes[row] !~ /^(|1|2|4|8|var|1-8)$/)
		wrong("a width is 1, 2, 4, 8, 1-8, var or nothing: " bytes[row])
	if (!(kind[row] in kinds))
		wrong("unknown kind " kind[row])
	number = kind[row] == "unsigned" || kind[row] == "signed"
	if (number && (multiplier[row] !~ /^[0-9]+(\.[0-9]+)?$/ || multiplier[row] + 0 == 0))
		wrong("a number has a multiplier above 0: " multiplier[row])
	digits = multiplier[row]
	sub(/\./, "", digits)
	if (digits + 0 > 65535)
		wrong("a multiplier has at most four or five digits: " multiplier[row])
	# Their JSON must fit the room that proto/dictionary_read.h gives.
	if (length(labels[row]) > 1800)
		wrong("labels of more than 1800 bytes")
	if (!number && multiplier[row] unit[row] low[row] high[row] != "")
		wrong(kind[row] " has no multiplier, unit or range")
	if (kind[row] == "signed" && bytes[row] !~ /^[124]$/)
		wrong("a signed number has 1, 2 or 4 bytes")
	if (number && bytes[row] == "var")
		wrong("a number has a fixed width")
	if (kind[row] == "flags" && bytes[row] !~ /^[248]$/)
		wrong("flags have 2, 4 or 8 bytes")
	if (unit[row] != "" && !(unit[row] in units))
		wrong("unknown unit " unit[row])
	if ((low[row] != "" && !is_integer(low[row])) || (high[row] != "" && !is_integer(high[row])))
		wrong("a range is of integers")
	else if (low[row] != "" && high[row] != "" && low[row] + 0 > high[row] + 0)
		wrong("the range ends before it begins")
	column = state[row]
	sub(/\/[2-9]$/, "", column)
	if (column != "" && !(column in states))
		wrong("device_state has no column " column)
	if (column != "" && number && (column in unit_of) && unit_of[column] != unit[row])
		wrong("device_state has " column " in another unit: " unit_of[column])
	if (column != "" && number)
		unit_of[column] = unit[row]
	if (source[row] == "" || description[row] == "")
		wrong("no description or no source")
	check_labels(row)
	check_event(row)
	read_families(row, field[9])
	if (!(id[row] in first))
		first[id[row]] = row
	last[id[row]] = row
}

# Classes of values that a width can hold. A signed number loses the class that a narrower sibling of the same
# id reads as negative: 65526 in 1-Wire's two bytes is -1.0 degrees, and four bytes never hold so much.
function classes(row,   r, set, w, drop1, drop3) {
	w = bytes[row]
	if (w == "")
		return 255
	if (w == "1-8")
		return 127
	if (w == "var")
		return 192
	if (w == 8)
		return 64
	set = w == 1 ? 3 : w == 2 ? 15 : 63
	if (kind[row] == "signed")
		for (r = first[id[row]]; r <= last[id[row]]; r++)
			if (kind[r] == "signed" && bytes[r] + 0 < w + 0) {
				if (bytes[r] == 1)
					drop1 = 2
				else
					drop3 = 8
				if (high[row] == "" || high[row] + 0 >= power(256, bytes[r]) / 2) {
					printf "%s:%d: id %s is signed in two widths, so the range must tell\n",
					    FILENAME, line_of[row], id[row] > "/dev/stderr"
					failed = 1
				}
			}
	return set - drop1 - drop3
}

function meaning(row) {
	return name[row] SUBSEP kind[row] SUBSEP multiplier[row] SUBSEP unit[row]
}

END {
	if (nfamilies == 0 || nrows == 0 || nfamilies > 50) {
		print "dictionary: models.csv and avl.csv, in that order; at most 50 families" > "/dev/stderr"
		failed = 1
	}
	if (failed)
		exit 1
	for (row = 1; row <= nrows; row++) {
		fits[row] = classes(row)
		for (r = first[id[row]]; r <= last[id[row]]; r++)
			if (meaning(r) == meaning(row))
				agree[row] += mask[r]
	}
	if (failed)
		exit 1
}
