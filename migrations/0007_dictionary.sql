-- What IO elements mean, in SQL: the dictionary's tables, telematics_io(), the views device_state and device_events.
--
-- The rows of avl_parameters and avl_models come from dictionary/ with each version of the program (`tgctl migrate`
-- puts them in place), not with this migration: nothing of them is stored with a record, so a correction of the
-- dictionary corrects the past. How families, signs and labels are decided: doc/dictionary.md.

CREATE TABLE avl_models (
	model text PRIMARY KEY,
	family text NOT NULL,
	family_group text NOT NULL,
	mask bigint NOT NULL
);
COMMENT ON TABLE avl_models IS 'Which family of devices a model is of; families mean different things by AVL ids';
COMMENT ON COLUMN avl_models.mask IS 'The bit of the family';

CREATE TABLE avl_parameters (
	id integer NOT NULL,
	variant smallint NOT NULL,
	name text NOT NULL,
	bytes smallint,
	kind text NOT NULL,
	multiplier numeric,
	unit text,
	min numeric,
	max numeric,
	families text[] NOT NULL,
	labels jsonb,
	no_reading bigint[],
	state text,
	events jsonb,
	severity smallint NOT NULL,
	description text NOT NULL,
	source text NOT NULL,
	mask bigint NOT NULL,
	agree bigint NOT NULL,
	fits smallint NOT NULL,
	PRIMARY KEY (id, variant)
);
COMMENT ON TABLE avl_parameters IS 'The dictionary: what an AVL id means on which families of devices';
COMMENT ON COLUMN avl_parameters.bytes IS 'Width on the wire; 0: variable length; null: not known';
COMMENT ON COLUMN avl_parameters.labels IS 'Words for raw values; of flags, for bits';
COMMENT ON COLUMN avl_parameters.no_reading IS 'Raw values whose words stand instead of a reading';
COMMENT ON COLUMN avl_parameters.state IS 'The column of device_state that this fills';
COMMENT ON COLUMN avl_parameters.severity IS 'The worst that a record with this id as its event says: 0 info, 1 warning, 2 alarm';
COMMENT ON COLUMN avl_parameters.mask IS 'The families, by the bits of avl_models';
COMMENT ON COLUMN avl_parameters.agree IS 'The families that give the id this name, kind, scale and unit';
COMMENT ON COLUMN avl_parameters.fits IS 'Classes of values that the width can hold, by bits';

-- The same, arranged for looking up; made from avl_parameters by telematics_dictionary_loaded(). A class is what JSON
-- shows of a value: 0 to 5 by the size of a number, 6 for 16 hex digits, 7 for other hex. A slot is an id and a class:
-- 8 * place of the id + class; place 0 is that of all ids that are not in the dictionary.
--
-- Arrays, because a query reads them once, whatever the number of its records, and an element is found without a search.
CREATE TABLE avl_slots (
	places smallint[] NOT NULL,
	senders bigint[] NOT NULL
);
COMMENT ON TABLE avl_slots IS 'One row: places by id + 1; families that can send such a value by slot + 1';
CREATE TABLE avl_families (
	mask bigint PRIMARY KEY,
	family text NOT NULL,
	family_group text NOT NULL
);
COMMENT ON TABLE avl_families IS 'The families of avl_models, once each';
CREATE TABLE avl_severities (
	id integer PRIMARY KEY,
	severity smallint NOT NULL
);
COMMENT ON TABLE avl_severities IS 'The worst that an event with this id can say';
CREATE TABLE avl_meanings (
	slot integer NOT NULL,
	variant smallint NOT NULL,
	kind "char",
	mask bigint,
	before bigint,
	others bigint,
	labelled bigint,
	g1 bigint, g2 bigint, g3 bigint, g4 bigint, g5 bigint,
	name text,
	half bigint,
	multiplier numeric,
	unit text,
	labels jsonb,
	no_reading bigint[],
	state text,
	events jsonb,
	PRIMARY KEY (slot, variant)
);
COMMENT ON TABLE avl_meanings IS 'avl_parameters by slot; and a row of variant 0 for each slot, for families that don''t agree';
COMMENT ON COLUMN avl_meanings.before IS 'Families that an earlier row of the same meaning serves';
COMMENT ON COLUMN avl_meanings.others IS 'Families to which such a value means something else';
COMMENT ON COLUMN avl_meanings.labelled IS 'Families that have other labels';
COMMENT ON COLUMN avl_meanings.g1 IS 'Of variant 0: families of one meaning; g2 to g5: of others';
COMMENT ON COLUMN avl_meanings.half IS 'Of signed numbers: the least raw value that is negative';

CREATE FUNCTION telematics_dictionary_loaded() RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	CREATE TEMPORARY TABLE avl_loading ON COMMIT DROP AS
		SELECT p.*, 8 * dense_rank() OVER (ORDER BY p.id) + c AS slot
		FROM telematics_schema.avl_parameters p CROSS JOIN generate_series(0, 7) AS c WHERE p.fits >> c & 1 = 1;
	DELETE FROM telematics_schema.avl_slots;
	INSERT INTO telematics_schema.avl_slots SELECT
	    (SELECT array_agg(coalesce(r.place, 0)::smallint ORDER BY i)
		FROM generate_series(0, (SELECT max(id) FROM telematics_schema.avl_parameters)) AS i
		LEFT JOIN (SELECT id, dense_rank() OVER (ORDER BY id) AS place FROM (SELECT DISTINCT id FROM telematics_schema.avl_parameters) AS d) AS r ON r.id = i),
	    (SELECT array_agg(coalesce(s.senders, 0) ORDER BY i)
		FROM generate_series(0, (SELECT 8 * count(DISTINCT id) + 7 FROM telematics_schema.avl_parameters)) AS i
		LEFT JOIN (SELECT slot, bit_or(mask) AS senders FROM avl_loading GROUP BY slot) AS s ON s.slot = i);
	DELETE FROM telematics_schema.avl_families;
	INSERT INTO telematics_schema.avl_families SELECT DISTINCT mask, family, family_group FROM telematics_schema.avl_models;
	DELETE FROM telematics_schema.avl_severities;
	INSERT INTO telematics_schema.avl_severities SELECT id, max(severity) FROM telematics_schema.avl_parameters GROUP BY id;
	DELETE FROM telematics_schema.avl_meanings;
	INSERT INTO telematics_schema.avl_meanings (slot, variant, g1, g2, g3, g4, g5)
		SELECT i, 0, coalesce(g.of[1], 0), coalesce(g.of[2], 0), coalesce(g.of[3], 0), coalesce(g.of[4], 0), coalesce(g.of[5], 0)
		FROM generate_series(0, (SELECT 8 * count(DISTINCT id) + 7 FROM telematics_schema.avl_parameters)) AS i
		LEFT JOIN (SELECT slot, array_agg(mask) AS of FROM
			(SELECT slot, bit_or(mask) AS mask FROM avl_loading GROUP BY slot, agree) AS a GROUP BY slot) AS g ON g.slot = i;
	INSERT INTO telematics_schema.avl_meanings
		SELECT p.slot, p.variant, CASE p.kind WHEN 'adverts' THEN 'v' ELSE left(p.kind, 1) END::"char", p.mask,
		    coalesce(bit_or(o.mask) FILTER (WHERE o.agree = p.agree AND o.variant < p.variant), 0),
		    coalesce(bit_or(o.mask) FILTER (WHERE o.agree <> p.agree), 0),
		    coalesce(bit_or(o.mask) FILTER (WHERE o.labels IS DISTINCT FROM p.labels), 0),
		    0, 0, 0, 0, 0, p.name, CASE WHEN p.kind = 'signed' THEN 1::bigint << (8 * p.bytes - 1) END,
		    p.multiplier, p.unit, p.labels, p.no_reading, p.state, p.events
		FROM avl_loading p JOIN avl_loading o ON o.slot = p.slot
		GROUP BY p.slot, p.variant, p.kind, p.mask, p.agree, p.labels, p.name, p.bytes, p.multiplier, p.unit, p.no_reading,
		    p.state, p.events;
	DROP TABLE avl_loading;
	ANALYZE telematics_schema.avl_models, telematics_schema.avl_parameters, telematics_schema.avl_families, telematics_schema.avl_slots, telematics_schema.avl_severities, telematics_schema.avl_meanings;
END
$$;
REVOKE ALL ON FUNCTION telematics_dictionary_loaded() FROM PUBLIC;
-- What everybody may read in the manufacturer's wiki; whoever may read records may have them explained.
GRANT SELECT ON avl_models, avl_parameters, avl_families, avl_slots, avl_severities, avl_meanings TO PUBLIC;

-- The class of a value from its JSON text. Simple enough for PostgreSQL to write it into the query that asks.
CREATE FUNCTION telematics_class(json text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN ascii(json) BETWEEN 48 AND 57 AND octet_length(json) <= 10
	THEN width_bucket(json::bigint, '{128,256,32768,65536,2147483648}'::bigint[])
	WHEN octet_length(json) = 18 THEN 6 ELSE 7 END;

-- The bit of a model's family, whatever the case, with the maker's name and a suffix or without; null: unknown.
CREATE FUNCTION telematics_model_mask(device_model text) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT a.mask FROM (SELECT regexp_replace(substring(regexp_replace(upper(device_model), '^TELTONIKA', '')
	    FROM '^[A-Z0-9 _-]*'), '[ _-]', '', 'g')) AS b (clean)
	CROSS JOIN LATERAL (SELECT length(substring(b.clean FROM '^[A-Z]*[0-9]+'))) AS l (n)
	JOIN avl_models a ON a.model IN (left(b.clean, l.n), left(b.clean, l.n + 1), left(b.clean, l.n + 2))
	ORDER BY length(a.model) DESC LIMIT 1;
END;

-- Structured values, which proto/dictionary_list.c knows as well; its comments have the sources. Text of a value is hex.
CREATE FUNCTION telematics_ascii(hex text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN hex ~ '^(2[0-9a-f]|[3-6][0-9a-f]|7[0-9a-e])*(00)*$'
	THEN nullif(convert_from(decode(substring(hex FROM '^((?:(?!00)..)*)'), 'hex'), 'SQL_ASCII'), '') ELSE nullif(hex, '') END;

CREATE FUNCTION telematics_reversed(hex text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT string_agg(substr(hex, i, 2), '' ORDER BY i DESC) FROM generate_series(1, length(hex), 2) AS i
	WHERE hex !~ '^0*$';
END;

CREATE FUNCTION telematics_flags(word bigint, labels jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT coalesce(jsonb_agg(coalesce(labels ->> i::text, 'bit ' || i) ORDER BY i), '[]')
	FROM generate_series(0, 63) AS i WHERE word >> i & 1 = 1;
END;

-- Null: not a list of codes.
CREATE FUNCTION telematics_codes(hex text) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT coalesce(jsonb_agg(code) FILTER (WHERE code <> ''), '[]')
	FROM regexp_split_to_table(telematics_ascii(hex), '[,; ]+') AS code
	HAVING bool_and(telematics_ascii(hex) ~ '^[0-9A-Za-z,; -]*$' AND telematics_ascii(hex) <> hex);
END;

CREATE FUNCTION telematics_beacons(hex text, OUT list jsonb, OUT whole boolean) LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	b CONSTANT bytea := decode(hex, 'hex');
	n CONSTANT integer := length(b);
	at integer := 1;
	flags integer;
	need integer;
	one jsonb;
	many jsonb := '[]';
BEGIN
	whole := true;
	IF n = 0 THEN
		RETURN;
	END IF;
	WHILE at < n LOOP
		flags := get_byte(b, at);
		need := 1 + CASE WHEN flags & 32 <> 0 THEN 20 ELSE 16 END + (flags & 1) + (flags & 2) + (flags & 4) / 2;
		IF at + need > n THEN
			whole := false;
			EXIT;
		END IF;
		at := at + 1;
		IF flags & 32 <> 0 THEN
			one := jsonb_build_object('uuid', encode(substr(b, at + 1, 16), 'hex'),
			    'major', get_byte(b, at + 16) * 256 + get_byte(b, at + 17),
			    'minor', get_byte(b, at + 18) * 256 + get_byte(b, at + 19));
			at := at + 20;
		ELSE
			one := jsonb_build_object('namespace', encode(substr(b, at + 1, 10), 'hex'),
			    'instance', encode(substr(b, at + 11, 6), 'hex'));
			at := at + 16;
		END IF;
		IF flags & 1 <> 0 THEN
			one := one || jsonb_build_object('rssi', telematics_schema.telematics_signed(b, at, 1));
			at := at + 1;
		END IF;
		IF flags & 2 <> 0 THEN
			one := one || jsonb_build_object('battery_v', round((get_byte(b, at) * 256 + get_byte(b, at + 1)) * 0.01, 2));
			at := at + 2;
		END IF;
		IF flags & 4 <> 0 THEN
			one := one || jsonb_build_object('temperature', telematics_schema.telematics_signed(b, at, 2));
			at := at + 2;
		END IF;
		many := many || one;
	END LOOP;
	list := jsonb_build_object('part', get_byte(b, 0) / 16, 'parts', get_byte(b, 0) & 15, 'beacons', many);
END
$$;

CREATE FUNCTION telematics_signed(b bytea, at integer, bytes integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN bytes = 1 THEN (get_byte(b, at) # 128) - 128
	ELSE (get_byte(b, at) * 256 + get_byte(b, at + 1) # 32768) - 32768 END;

-- An EYE sensor's data from `at` up to `past`; null behind what is cut off.
CREATE FUNCTION telematics_eye(b bytea, at integer, past integer, OUT one jsonb, OUT whole boolean)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	flags CONSTANT integer := get_byte(b, at);
	moves integer;
BEGIN
	one := '{}';
	at := at + 1;
	whole := true;
	IF flags & 1 <> 0 THEN
		whole := whole AND at + 2 <= past;
		IF whole THEN
			one := one || jsonb_build_object('temperature', round(telematics_schema.telematics_signed(b, at, 2) * 0.01, 2));
			at := at + 2;
		END IF;
	END IF;
	IF flags & 2 <> 0 THEN
		whole := whole AND at + 1 <= past;
		IF whole THEN
			one := one || jsonb_build_object('humidity', get_byte(b, at));
			at := at + 1;
		END IF;
	END IF;
	IF flags & 4 <> 0 THEN
		one := one || jsonb_build_object('magnet', flags & 8 <> 0);
	END IF;
	IF flags & 16 <> 0 THEN
		whole := whole AND at + 2 <= past;
		IF whole THEN
			moves := get_byte(b, at) * 256 + get_byte(b, at + 1);
			one := one || jsonb_build_object('moving', moves >= 32768, 'move_count', moves & 32767);
			at := at + 2;
		END IF;
	END IF;
	IF flags & 32 <> 0 THEN
		whole := whole AND at + 3 <= past;
		IF whole THEN
			one := one || jsonb_build_object('pitch', telematics_schema.telematics_signed(b, at, 1), 'roll', telematics_schema.telematics_signed(b, at + 1, 2));
			at := at + 3;
		END IF;
	END IF;
	one := one || jsonb_build_object('low_battery', flags & 64 <> 0);
	IF flags & 128 <> 0 THEN
		whole := whole AND at + 1 <= past;
		IF whole THEN
			one := one || jsonb_build_object('battery_mv', 2000 + 10 * get_byte(b, at));
		END IF;
	END IF;
END
$$;

-- One item of an advertisement: `type`, `n` bytes from `at`.
CREATE FUNCTION telematics_advert_item(b bytea, type integer, at integer, n integer) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN type = 0 AND n = 1 THEN jsonb_build_object('rssi', telematics_signed(b, at, 1))
	WHEN type = 1 THEN jsonb_build_object('id', encode(substr(b, at + 1, n), 'hex'))
	WHEN type = 5 THEN CASE WHEN encode(substr(b, at + 1, n), 'hex') ~ '^((2[013-9a-f]|[3467][0-9a-f]|5[0-9abd-f])(?<!7f))*$'
	    THEN jsonb_build_object('name', convert_from(substr(b, at + 1, n), 'SQL_ASCII'))
	    ELSE jsonb_build_object('name_hex', encode(substr(b, at + 1, n), 'hex')) END
	WHEN type = 6 AND n = 2 THEN jsonb_build_object('temperature_raw', telematics_signed(b, at, 2))
	WHEN type = 7 AND n = 1 THEN jsonb_build_object('humidity', get_byte(b, at))
	WHEN type = 8 AND n = 1 THEN jsonb_build_object('magnet', get_byte(b, at) <> 0)
	WHEN type = 9 AND n = 1 THEN jsonb_build_object('moving', get_byte(b, at) <> 0)
	WHEN type = 10 AND n = 2 THEN jsonb_build_object('move_count', get_byte(b, at) * 256 + get_byte(b, at + 1))
	WHEN type = 11 AND n = 1 THEN jsonb_build_object('pitch', telematics_signed(b, at, 1))
	WHEN type = 12 AND n = 2 THEN jsonb_build_object('roll', telematics_signed(b, at, 2))
	WHEN type = 13 AND n = 1 THEN jsonb_build_object('low_battery', get_byte(b, at) <> 0)
	WHEN type = 14 AND n = 2 THEN jsonb_build_object('battery_mv', get_byte(b, at) * 256 + get_byte(b, at + 1))
	WHEN type = 15 THEN jsonb_build_object('mac', encode(substr(b, at + 1, n), 'hex'))
	ELSE jsonb_build_object('type_' || type, encode(substr(b, at + 1, n), 'hex')) END;

CREATE FUNCTION telematics_adverts(hex text, OUT list jsonb, OUT whole boolean) LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	b CONSTANT bytea := decode(hex, 'hex');
	n CONSTANT integer := length(b);
	at integer := 1;
	past integer;
	type integer;
	len integer;
	eye record;
	one jsonb;
BEGIN
	whole := true;
	IF n = 0 THEN
		RETURN;
	END IF;
	list := '[]';
	WHILE at < n LOOP
		past := at + 1 + get_byte(b, at);
		at := at + 1;
		whole := whole AND past <= n;
		past := least(past, n);
		one := '{}';
		WHILE past - at >= 2 LOOP
			type := get_byte(b, at);
			len := get_byte(b, at + 1);
			at := at + 2;
			whole := whole AND at + len <= past;
			len := least(len, past - at);
			IF type = 2 AND len > 0 THEN
				eye := telematics_schema.telematics_eye(b, at, at + len);
				one := one || eye.one;
				whole := whole AND eye.whole;
			ELSE
				one := one || telematics_schema.telematics_advert_item(b, type, at, len);
			END IF;
			at := at + len;
		END LOOP;
		whole := whole AND at = past;
		at := past;
		list := list || one;
	END LOOP;
END
$$;

-- The number of 16 hex digits, unsigned.
CREATE FUNCTION telematics_hex_number(hex text) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN ('x' || hex)::bit(64)::bigint < 0 THEN 18446744073709551616 ELSE 0 END + ('x' || hex)::bit(64)::bigint;

-- What a value says that is no plain number: text, or JSON as text. `json` is the value as it stands in io.
CREATE FUNCTION telematics_text(kind "char", json text, labels jsonb, OUT text text, OUT whole boolean)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	hex CONSTANT text := btrim(json, '"');
BEGIN
	whole := true;
	CASE kind
	WHEN 'a' THEN
		text := telematics_schema.telematics_ascii(hex);
		whole := hex = '' OR text IS DISTINCT FROM hex;
	WHEN 'i' THEN
		text := telematics_schema.telematics_reversed(hex);
	WHEN 'f' THEN
		text := telematics_schema.telematics_flags(CASE WHEN hex = json THEN hex::bigint ELSE ('x' || hex)::bit(64)::bigint END, labels);
	WHEN 'b' THEN
		SELECT b.list, b.whole INTO text, whole FROM telematics_schema.telematics_beacons(hex) AS b;
	WHEN 'v' THEN
		SELECT v.list, v.whole INTO text, whole FROM telematics_schema.telematics_adverts(hex) AS v;
	WHEN 'd' THEN
		IF hex <> '' THEN
			text := telematics_schema.telematics_codes(hex);
			whole := text IS NOT NULL;
			text := coalesce(text, hex);
		END IF;
	ELSE
		text := nullif(hex, '');
	END CASE;
END
$$;

-- One element, with what it means to these families: its id, its value as it stands in io, the class of that, and 8 * the
-- place of the id. `raw` is the number with its sign.
-- No outer join: PostgreSQL would then read the dictionary once a record instead of once a query.
CREATE FUNCTION telematics_read_one(element integer, json text, class integer, place integer, possible bigint)
RETURNS TABLE (id integer, name text, value numeric, text text, unit text, label text, note text, state text, event jsonb)
LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
	SELECT element, coalesce(m.name, 'io_' || element),
	    CASE WHEN class < 6 AND m.kind <> 'f' THEN
		CASE WHEN m.no_reading IS NULL OR possible & m.labelled <> 0 OR r.raw <> ALL (m.no_reading)
		THEN r.raw * coalesce(m.multiplier, 1) END
		WHEN class = 6 AND m.kind = 'u' THEN telematics_hex_number(btrim(json, '"')) * m.multiplier
		WHEN m.kind IS NULL AND class < 6 THEN json::bigint - coalesce(
		    (SELECT CASE WHEN count(DISTINCT o.half) = 1 AND bool_and(o.half IS NOT NULL)
			AND json::bigint >= min(o.half) THEN 2 * min(o.half) END
		    FROM avl_meanings o WHERE o.slot = m.slot AND o.mask & possible <> 0), 0) END,
	    CASE WHEN class < 6 THEN CASE WHEN m.kind = 'f' THEN (telematics_text(m.kind, json, m.labels)).text END
		WHEN m.kind IS NULL OR m.kind = 'h' THEN nullif(btrim(json, '"'), '')
		WHEN m.kind = 'i' AND json = '"0000000000000000"' OR m.kind IN ('u', 's') THEN NULL
		ELSE (telematics_text(m.kind, json, m.labels)).text END,
	    m.unit,
	    CASE WHEN m.labels IS NOT NULL AND class < 6 AND m.kind <> 'f' AND possible & m.labelled = 0
		THEN m.labels ->> r.raw::text END,
	    CASE WHEN m.kind IS NULL THEN
		(SELECT CASE WHEN count(*) = 0 THEN 'id not in the dictionary'
		WHEN coalesce(bit_or(p.mask), 0) & possible = 0 THEN 'id of other families'
		WHEN (m.g1 | m.g2 | m.g3 | m.g4 | m.g5) & possible = 0
		THEN 'width not in the dictionary' ELSE 'means different things on the families it may come from' END
		FROM avl_parameters p WHERE p.id = element)
		WHEN class < 6 THEN CASE WHEN m.no_reading IS NOT NULL AND possible & m.labelled = 0
		    AND r.raw = ANY (m.no_reading) THEN 'no reading' END
		WHEN m.kind IN ('a', 'b', 'v', 'd') AND NOT (telematics_text(m.kind, json, m.labels)).whole
		THEN 'not whole' END,
	    m.state, coalesce(m.events -> r.raw::text, m.events -> '*')
	FROM avl_meanings m
	CROSS JOIN LATERAL (SELECT CASE WHEN class < 6 THEN json::bigint
	    - CASE WHEN m.half <= json::bigint THEN 2 * m.half ELSE 0 END END AS raw) AS r
	WHERE m.slot = place + class AND CASE WHEN m.kind IS NOT NULL
	    THEN possible & m.mask <> 0 AND possible & m.before = 0 AND possible & m.others = 0
	    WHEN m.g2 = 0 THEN possible & m.g1 = 0
	    ELSE 1 <> (possible & m.g1 <> 0)::integer + (possible & m.g2 <> 0)::integer + (possible & m.g3 <> 0)::integer
		+ (possible & m.g4 <> 0)::integer + (possible & m.g5 <> 0)::integer END;
END;

-- Functions that take io, as json and as jsonb. Those in BEGIN ATOMIC are written into the query that asks, so that the
-- dictionary is read once a query and not once a record.
DO $do$
DECLARE
	kind text;
BEGIN
	FOREACH kind IN ARRAY ARRAY['json', 'jsonb'] LOOP
		-- The families that a record may come from, as bits: by the model, or by what the elements rule out; all
		-- where they contradict each other. (Appending nothing to an array takes it out of storage once for the query.)
		EXECUTE format($f$
		CREATE FUNCTION telematics_families(io %1$s, device_model text) RETURNS TABLE (families bigint, how text)
		LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
			SELECT coalesce(f.model, nullif(f.elements, 0), -1),
			    CASE WHEN f.model IS NOT NULL THEN 'model' WHEN f.elements = 0 THEN 'contradiction'
			    WHEN bit_count(f.elements::bit(64)) = 1 THEN 'elements' ELSE 'open' END
			FROM (SELECT m.mask AS model, CASE WHEN m.mask IS NULL THEN (
				SELECT bit_and(nullif((SELECT s.senders || '{}'::bigint[] FROM avl_slots s)[1 + telematics_class(e.json)
				    + 8 * coalesce((SELECT p.places || '{}'::smallint[] FROM avl_slots p)[1 + e.key::integer], 0)], 0))
				FROM (SELECT j.key, j.value::text AS json FROM %1$s_each(io) AS j OFFSET 0) AS e) END AS elements
			    FROM (SELECT coalesce((SELECT a.mask FROM avl_models a WHERE a.model = device_model),
				CASE WHEN device_model IS NOT NULL THEN telematics_model_mask(device_model) END) AS mask OFFSET 0) AS m
			    OFFSET 0) AS f;
		END $f$, kind);

		-- The elements, with what they mean to these families.
		EXECUTE format($f$
		CREATE FUNCTION telematics_read(io %1$s, possible bigint)
		RETURNS TABLE (id integer, name text, value numeric, text text, unit text, label text, note text, state text, event jsonb)
		LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
			SELECT o.* FROM (SELECT c.id, c.json, telematics_class(c.json) AS class,
				8 * coalesce((SELECT p.places || '{}'::smallint[] FROM avl_slots p)[1 + c.id], 0) AS place
			    FROM (SELECT j.key::integer AS id, j.value::text AS json FROM %1$s_each(io) AS j OFFSET 0) AS c OFFSET 0) AS e
			CROSS JOIN LATERAL telematics_read_one(e.id, e.json, e.class, e.place, possible) AS o;
		END $f$, kind);

		EXECUTE format($f$
		CREATE FUNCTION telematics_io(io %1$s, device_model text DEFAULT NULL)
		RETURNS TABLE (id integer, name text, value numeric, text text, unit text, label text, note text)
		LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
			SELECT e.id, e.name, e.value, e.text, e.unit, e.label, e.note
			FROM (SELECT families FROM telematics_families(io, device_model) OFFSET 0) AS f
			CROSS JOIN LATERAL telematics_read(io, f.families) AS e;
		END $f$, kind);
		EXECUTE format($f$COMMENT ON FUNCTION telematics_io(%s, text) IS
			'The IO elements of a record in words: name, scaled value, unit, label'$f$, kind);

		-- For people: one family by name, or the group that all are of; and why.
		EXECUTE format($f$
		CREATE FUNCTION telematics_family(io %1$s, device_model text DEFAULT NULL,
		    OUT family text, OUT how text, OUT candidates text[]) LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
			SELECT CASE WHEN count(*) = 1 THEN min(a.family) WHEN count(DISTINCT a.family_group) = 1 THEN min(a.family_group) END,
			    min(f.how), array_agg(a.family ORDER BY a.mask)
			FROM telematics_families(io, device_model) AS f
			JOIN avl_families a ON a.mask & f.families <> 0;
		END $f$, kind);

		-- What a record with this event says. Without a value of the event's id the kind is that of any value.
		EXECUTE format($f$
		CREATE FUNCTION telematics_event(io %1$s, device_model text, event_io_id integer, priority integer)
		RETURNS TABLE (name text, kind text, severity text, value numeric, text text, unit text, label text)
		LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
			SELECT s.name, coalesce(s.event ->> 0, s.name),
			    (ARRAY['info', 'warning', 'alarm'])[1 + greatest((s.event ->> 1)::integer, least(priority, 2))],
			    e.value, e.text, e.unit, coalesce(e.label, replace(coalesce(s.event ->> 0, s.name), '_', ' '))
			FROM (SELECT families FROM telematics_families(io, device_model) OFFSET 0) AS f
			CROSS JOIN LATERAL (SELECT c.json, telematics_class(c.json) AS class,
				8 * coalesce((SELECT p.places || '{}'::smallint[] FROM avl_slots p)[1 + event_io_id], 0) AS place
			    FROM (SELECT (io -> event_io_id::text)::text AS json OFFSET 0) AS c OFFSET 0) AS v
			LEFT JOIN LATERAL telematics_read_one(event_io_id, v.json, v.class, v.place, f.families) AS e ON v.json IS NOT NULL
			LEFT JOIN LATERAL (SELECT min(m.name) AS name, (array_agg(m.events -> '*'))[1] AS event FROM avl_meanings m
			    WHERE v.json IS NULL AND m.slot BETWEEN v.place AND v.place + 7 AND m.kind IS NOT NULL
			    AND f.families & m.mask <> 0 AND f.families & m.others = 0 HAVING count(DISTINCT m.name) = 1) AS any_value ON true
			CROSS JOIN LATERAL (SELECT coalesce(e.name, any_value.name, 'io_' || event_io_id) AS name,
			    coalesce(e.event, any_value.event) AS event) AS s;
		END $f$, kind);
	END LOOP;
END
$do$;

-- One row a device: what every fleet asks for, of the newest trustworthy record; null where the device doesn't send it.
-- And the events. Made by a function, as views must go before a column's type can change, or before a table can be
-- replaced by another (doc/scaling.md); one that stands is replaced and keeps its GRANTs. The table devices may be in a
-- schema of its own: its trigger tells.
CREATE FUNCTION telematics_make_views() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $do$
DECLARE
	devices CONSTANT regclass := (SELECT tgrelid FROM pg_trigger WHERE tgname = 'telematics_insert_delete'
	    AND tgfoid = 'telematics_schema.telematics_devices_collect()'::regprocedure);
BEGIN
	EXECUTE format($v$CREATE OR REPLACE VIEW telematics_schema.device_state AS
		SELECT d.id AS device_id, d.imei::text AS imei, d.name::text AS name, d.device_model::text AS device_model,
		    s.family, o.online, o.last_record_at, o.recorded_at, o.latitude, o.longitude, o.altitude, o.heading, o.speed,
		    o.satellites,
		    (v ->> 'ignition')::numeric <> 0 AS ignition,
		    (v ->> 'movement')::numeric <> 0 AS movement,
		    (v ->> 'external_voltage')::numeric AS external_voltage_v,
		    (v ->> 'battery_voltage')::numeric AS battery_voltage_v,
		    (v ->> 'battery_level')::numeric AS battery_level_percent,
		    (v ->> 'unplugged')::numeric <> 0 AS unplugged,
		    (v ->> 'odometer')::numeric AS odometer_m,
		    coalesce((v ->> 'vehicle_odometer')::numeric, (v ->> 'vehicle_odometer/2')::numeric,
			1000 * (v ->> 'vehicle_odometer_km')::numeric) AS vehicle_odometer_m,
		    (v ->> 'trip_odometer')::numeric AS trip_odometer_m,
		    coalesce(v ->> 'vehicle_speed', v ->> 'vehicle_speed/2')::numeric AS vehicle_speed_kmh,
		    (v ->> 'fuel_level_l')::numeric AS fuel_level_l,
		    coalesce(v ->> 'fuel_level_percent', v ->> 'fuel_level_percent/2')::numeric AS fuel_level_percent,
		    coalesce(v ->> 'engine_rpm', v ->> 'engine_rpm/2')::numeric AS engine_rpm,
		    coalesce(v ->> 'coolant_temperature', v ->> 'coolant_temperature/2')::numeric AS coolant_temperature_c,
		    (v ->> 'temperature_1')::numeric AS temperature_1_c,
		    (v ->> 'temperature_2')::numeric AS temperature_2_c,
		    (v ->> 'gsm_signal')::numeric AS gsm_signal,
		    (v ->> 'gsm_operator')::numeric AS gsm_operator,
		    l ->> 'gnss_status' AS gnss_status,
		    (v ->> 'hdop')::numeric AS hdop,
		    (v ->> 'pdop')::numeric AS pdop,
		    l ->> 'sleep_mode' AS sleep_mode,
		    (v ->> 'trip')::numeric <> 0 AS trip,
		    (v ->> 'din1')::numeric <> 0 AS din1,
		    (v ->> 'din2')::numeric <> 0 AS din2,
		    (v ->> 'din3')::numeric <> 0 AS din3,
		    (v ->> 'dout1')::numeric <> 0 AS dout1,
		    (v ->> 'dout2')::numeric <> 0 AS dout2,
		    coalesce(nullif(concat(v ->> 'driver_id_high', v ->> 'driver_id_low'), ''), v ->> 'driver_id/2',
			nullif(v ->> 'driver_id/3', '0000000000000000')) AS driver_id,
		    coalesce(v ->> 'vin', v ->> 'vin/2', (v ->> 'vin_part_1') || (v ->> 'vin_part_2')
			|| chr(nullif((v ->> 'vin_part_3')::integer, 0))) AS vin,
		    coalesce(v ->> 'iccid', CASE WHEN (v ->> 'iccid_high')::numeric <> 0 THEN (v ->> 'iccid_high')
			|| lpad(v ->> 'iccid_low', greatest(length(v ->> 'iccid_high'), length(v ->> 'iccid_low')), '0') END) AS iccid
		FROM %s d LEFT JOIN telematics_schema.device_online o ON o.device_id = d.id
		CROSS JOIN LATERAL (SELECT coalesce((SELECT a.family FROM telematics_schema.avl_families a WHERE a.mask = max(f.families)),
			(SELECT min(a.family_group) FROM telematics_schema.avl_families a WHERE a.mask & max(f.families) <> 0
			HAVING count(DISTINCT a.family_group) = 1)) AS family,
		    jsonb_object_agg(e.state, coalesce(to_jsonb(e.value), to_jsonb(e.text))) FILTER (WHERE e.state IS NOT NULL) AS v,
		    jsonb_object_agg(e.state, e.label) FILTER (WHERE e.label IS NOT NULL AND e.state IS NOT NULL) AS l
		    FROM (SELECT families FROM telematics_schema.telematics_families(o.io, d.device_model::text) OFFSET 0) AS f
		    CROSS JOIN LATERAL telematics_schema.telematics_read(o.io, f.families) AS e) AS s$v$, devices);
	COMMENT ON VIEW telematics_schema.device_state IS 'One row a device: what its newest record says, in the units of the names';

	-- Severity is found without reading the record where no value could change it, so that alarms are found fast.
	EXECUTE format($v$CREATE OR REPLACE VIEW telematics_schema.device_events AS
		SELECT p.device_id, d.imei::text AS imei, p.recorded_at, p.received_at, p.record_hash, p.latitude, p.longitude,
		    p.valid, p.speed, p.priority, p.event_io_id, e.name, e.kind,
		    CASE WHEN p.priority >= 2 THEN 'alarm'
			WHEN coalesce(w.severity, 0) = 0 THEN CASE p.priority WHEN 1 THEN 'warning' ELSE 'info' END
			ELSE (SELECT s.severity FROM telematics_schema.telematics_event(p.io, d.device_model::text, p.event_io_id, p.priority) AS s) END AS severity,
		    e.value, e.text, e.unit, e.label
		FROM telematics_schema.device_positions p LEFT JOIN %s d ON d.id = p.device_id
		LEFT JOIN telematics_schema.avl_severities w ON w.id = p.event_io_id
		LEFT JOIN LATERAL telematics_schema.telematics_event(p.io, d.device_model::text, p.event_io_id, p.priority) AS e ON true
		WHERE p.event_io_id <> 0$v$, devices);
	COMMENT ON VIEW telematics_schema.device_events IS 'Records that a device made because something happened; read by received_at';
END
$do$;
REVOKE ALL ON FUNCTION telematics_make_views() FROM PUBLIC;
-- Only records with an event. Here it is made for partitions that are yet to come (telematics_make_partition copies
-- it); those that are there get theirs from `tgctl migrate`, one by one and without stopping anybody.
CREATE INDEX device_positions_event_idx ON ONLY device_positions (received_at) WHERE event_io_id <> 0;

-- Those in BEGIN ATOMIC and RETURN are bound to what they mean already; these are not.
DO $$
DECLARE
	f text;
BEGIN
	FOREACH f IN ARRAY ARRAY['dictionary_loaded()', 'beacons(text)', 'eye(bytea, integer, integer)', 'adverts(text)',
	    'text("char", text, jsonb)', 'make_views()'] LOOP
		PERFORM telematics_pin(('telematics_' OPERATOR(pg_catalog.||) f)::regprocedure);
	END LOOP;
END
$$;
SELECT telematics_make_views();
