-- Of the rows r: how many, of how many devices, and a sum in which each has its part, whatever their order. What it is
-- made of is what a file holds, so it is the same where the file was read again.
SELECT count(*) AS records, count(DISTINCT r.device_id) AS devices,
	coalesce(sum(('x' || left(encode(sha256(convert_to(r::text, 'UTF8')), 'hex'), 16))::bit(64)::bigint), 0)::text AS checksum
