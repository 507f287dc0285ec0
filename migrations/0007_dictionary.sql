-- What IO elements mean, in SQL: the dictionary's tables, here; values that are no plain numbers, in
-- 0007_dictionary_values.sql; telematics_io(), the views device_state and device_events, in 0007_dictionary_views.sql.
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

-- The bit of a model's family, whatever the case, with the maker's name and a suffix or without; null: unknown.
CREATE FUNCTION telematics_model_mask(device_model text) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT a.mask FROM (SELECT regexp_replace(substring(regexp_replace(upper(device_model), '^TELTONIKA', '')
	    FROM '^[A-Z0-9 _-]*'), '[ _-]', '', 'g')) AS b (clean)
	CROSS JOIN LATERAL (SELECT length(substring(b.clean FROM '^[A-Z]*[0-9]+'))) AS l (n)
	JOIN avl_models a ON a.model IN (left(b.clean, l.n), left(b.clean, l.n + 1), left(b.clean, l.n + 2))
	ORDER BY length(a.model) DESC LIMIT 1;
END;
