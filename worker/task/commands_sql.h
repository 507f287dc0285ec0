/*
 * The statements of commands.c; parameters are named in front of each.
 *
 * How many commands are in flight changes within seconds from none to one for each device, and the
 * planner knows how it was minutes ago. Where it would gladly read all of "the few" that are
 * `sent`, for each of 500 rows, the statement leaves it only the way by the key: an EXISTS inside
 * of a SELECT is no join, and LIKE doesn't match the condition of the index
 * device_commands_in_flight_idx.
 */
#ifndef WORKER_TASK_COMMANDS_SQL_H
#define WORKER_TASK_COMMANDS_SQL_H

/*
 * $1 imeis, $2 device ids, $3 sessions, $4 codecs, $5 late ids, $6 attempts, $7 time-out in ms.
 *
 * The head of each device's queue, if it is due, nothing of that device is in flight, and no newer
 * session of it is known, wherever. The conditions stand once more at the row that is locked: they
 * are looked at again if another gateway was faster. Rows: place in the arrays, what came of it (a
 * status; `wait` until it is due, in ms, a day at most; `blocked` by a late answer), id, attempt,
 * codec, text, ms. (What has no end can't be subtracted: 'infinity' in one row would stop all.)
 */
static const char claim_sql[] =
    "WITH w AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[],"
    " $4::integer[], $5::bigint[])"
    " WITH ORDINALITY AS u (imei, device_id, session_id, codecs, late_id, n)),"
    " head AS MATERIALIZED (SELECT w.n, w.codecs, w.late_id, c.id, c.next_retry_at FROM w"
    " CROSS JOIN LATERAL (SELECT c.id, c.status, c.next_retry_at FROM device_commands c"
    " WHERE c.imei = w.imei AND c.status IN ('pending', 'sent')"
    " AND (c.status = 'sent' OR c.expires_at IS NULL OR c.expires_at > now())"
    " ORDER BY c.id LIMIT 1) c"
    " WHERE c.status = 'pending'"
    " AND (SELECT NOT EXISTS (SELECT FROM device_commands s WHERE s.imei = w.imei"
    " AND s.status = 'sent'))"
    " AND (SELECT NOT EXISTS (SELECT FROM device_online o WHERE o.device_id = w.device_id"
    " AND o.online AND o.session_id > w.session_id))),"
    " mine AS MATERIALIZED (SELECT c.id, h.n,"
    " CASE WHEN h.codecs & CASE c.codec WHEN 14 THEN 32 ELSE 8 END = 0"
    " THEN format('the model of the device may not use codec %s (device_models)', c.codec)"
    " WHEN c.attempt_count >= coalesce(c.max_attempts, $6::integer)"
    " THEN 'its attempts are used up' END AS obstacle"
    " FROM head h JOIN device_commands c ON c.id = h.id"
    " WHERE c.status = 'pending' AND (c.next_retry_at IS NULL OR c.next_retry_at <= now())"
    " AND h.late_id IN (0, h.id) ORDER BY c.id FOR UPDATE OF c SKIP LOCKED),"
    " done AS (UPDATE device_commands c SET"
    " status = CASE WHEN m.obstacle IS NULL THEN 'sent' ELSE 'failed' END,"
    " attempt_count = c.attempt_count + (m.obstacle IS NULL)::integer,"
    " sent_at = CASE WHEN m.obstacle IS NULL THEN now() ELSE c.sent_at END,"
    " next_retry_at = CASE WHEN m.obstacle IS NULL"
    " THEN now() + $7::bigint * interval '1 millisecond' END,"
    " error_message = coalesce(m.obstacle, c.error_message)"
    " FROM mine m WHERE c.id = m.id"
    " RETURNING m.n, c.status, c.id, c.attempt_count, c.codec, c.command_text)"
    " SELECT n, status, id, attempt_count, codec, command_text, NULL::bigint FROM done"
    " UNION ALL SELECT n, CASE WHEN next_retry_at > now() THEN 'wait' ELSE 'blocked' END, id, 0, 0,"
    " NULL, CASE WHEN next_retry_at > now() THEN ceil(1000 * extract(epoch FROM"
    " least(next_retry_at, now() + interval '1 day') - now())) END::bigint FROM head"
    " WHERE next_retry_at > now() OR late_id NOT IN (0, id)";

/*
 * $1 ids, $2 attempts, $3 why, $4 ms until the next attempt (-1: the next connection), $5 for good,
 * $6 attempts. Only what is still in that attempt changes. A row that somebody holds locked is not
 * waited for, it would hold up all others: it comes back as `locked`.
 */
static const char over_sql[] =
    "WITH o AS MATERIALIZED (SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[],"
    " $4::bigint[], $5::boolean[]) AS o (id, attempt, why, delay, final)),"
    " mine AS MATERIALIZED (SELECT o.* FROM o JOIN device_commands c ON c.id = o.id"
    " WHERE c.status LIKE 'sent' AND c.attempt_count = o.attempt FOR UPDATE OF c SKIP LOCKED),"
    " done AS (UPDATE device_commands c SET status = CASE"
    " WHEN o.final OR c.attempt_count >= coalesce(c.max_attempts, $6::integer) THEN 'failed'"
    " WHEN c.expires_at <= now() THEN 'expired' ELSE 'pending' END,"
    " next_retry_at = CASE WHEN o.delay >= 0 AND NOT o.final"
    " AND c.attempt_count < coalesce(c.max_attempts, $6::integer)"
    " THEN now() + o.delay * interval '1 millisecond' END,"
    " error_message = format('%s (attempt %s of %s)', o.why, c.attempt_count,"
    " coalesce(c.max_attempts, $6::integer))"
    " FROM mine o WHERE c.id = o.id RETURNING c.id, c.status, c.imei)"
    " SELECT id, status, imei FROM done"
    " UNION ALL SELECT c.id, 'locked', c.imei FROM o JOIN device_commands c ON c.id = o.id"
    " WHERE c.status LIKE 'sent' AND c.attempt_count = o.attempt"
    " AND o.id NOT IN (SELECT id FROM mine)";

/*
 * $1 attempts, $2 time-out in ms (for rows that don't say when they are given up), $3 grace in ms.
 * Attempts of the dead are over; what has expired goes.
 */
static const char sweep_sql[] =
    "WITH dead AS MATERIALIZED (SELECT id FROM device_commands WHERE status = 'sent'"
    " AND CASE WHEN next_retry_at >= sent_at"
    " THEN next_retry_at < now() - $3::bigint * interval '1 millisecond'"
    " ELSE coalesce(sent_at, created_at) < now() - ($2::bigint + $3::bigint)"
    " * interval '1 millisecond' END"
    " LIMIT 1000 FOR UPDATE SKIP LOCKED),"
    " d AS (UPDATE device_commands c SET status = CASE"
    " WHEN c.attempt_count >= coalesce(c.max_attempts, $1::integer) THEN 'failed'"
    " WHEN c.expires_at <= now() THEN 'expired' ELSE 'pending' END, next_retry_at = NULL,"
    " error_message = format('no answer, and the gateway that sent it is gone (attempt %s of %s)',"
    " c.attempt_count, coalesce(c.max_attempts, $1::integer))"
    " FROM dead WHERE c.id = dead.id RETURNING c.status),"
    " old AS MATERIALIZED (SELECT id FROM device_commands WHERE status = 'pending'"
    " AND expires_at <= now() ORDER BY expires_at LIMIT 1000 FOR UPDATE SKIP LOCKED),"
    " e AS (UPDATE device_commands c SET status = 'expired', next_retry_at = NULL,"
    " error_message = CASE c.attempt_count WHEN 0 THEN 'expired before it was sent'"
    " ELSE format('expired after %s attempts', c.attempt_count) END"
    " FROM old WHERE c.id = old.id RETURNING c.status)"
    " SELECT status, count(*) FROM (SELECT status FROM d UNION ALL SELECT status FROM e) AS s"
    " GROUP BY status";

/*
 * $1 the last IMEI of the page before. The head of each device's queue: is it due, is it pending.
 * (A device whose head is not due yet must not be asked for again and again.)
 */
static const char poll_sql[] =
    "SELECT DISTINCT ON (imei) imei,"
    " status = 'pending' AND (next_retry_at IS NULL OR next_retry_at <= now()), status = 'pending'"
    " FROM device_commands WHERE status IN ('pending', 'sent')"
    " AND (status = 'sent' OR expires_at IS NULL OR expires_at > now()) AND imei > $1::text"
    " ORDER BY imei, id LIMIT 2000";

static const char count_sql[] = "SELECT status, count(*) FROM device_commands"
				" WHERE status IN ('pending', 'sent') GROUP BY status";

static const char limit_sql[] = "SELECT telematics_set_command_max_length($1::integer)";

#endif
