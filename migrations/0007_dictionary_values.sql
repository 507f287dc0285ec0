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
CREATE FUNCTION telematics_text(kind "char", "json" text, labels jsonb, OUT text text, OUT whole boolean)
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
