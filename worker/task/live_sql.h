/*
 * How a row of device_online moves forward, for all who write one (live.c,
 * orphans.c): each group of columns by its own clock, the session by its id.
 */
#ifndef WORKER_TASK_LIVE_SQL_H
#define WORKER_TASK_LIVE_SQL_H

/* The last valid fix: the columns of device_positions but device_id and io. */
#define LIVE_SQL_FIX \
	"recorded_at, record_hash, received_at, latitude, longitude, altitude, heading, " \
	"satellites, speed, valid, priority, event_io_id, codec, generation_type"

#define LIVE_SQL_COLUMNS \
	"device_id, " LIVE_SQL_FIX ", last_record_at, io, session_id, online, connected_at, " \
	"disconnected_at, last_seen_at, remote_addr, gateway, worker, updated_at"

#define LIVE_SQL_FIX_NEWER "excluded.recorded_at > o.recorded_at OR o.recorded_at IS NULL"
#define LIVE_SQL_FIX_SET(column) \
#column " = CASE WHEN " LIVE_SQL_FIX_NEWER " THEN excluded." #column " ELSE o." #column \
		" END, "

/* Ids of sessions are positive and grow, over all gateways. */
#define LIVE_SQL_SESSION_NEWER "excluded.session_id > coalesce(o.session_id, 0)"
#define LIVE_SQL_SESSION_SET(column) \
#column " = CASE WHEN " LIVE_SQL_SESSION_NEWER " THEN excluded." #column \
		" ELSE o." #column " END, "

/* The stored session itself says goodbye; an older one's goodbye means nothing any more. */
#define LIVE_SQL_GOODBYE \
	"o.online AND excluded.session_id = o.session_id AND excluded.disconnected_at IS NOT NULL"

/* Behind an INSERT INTO device_online AS o (LIVE_SQL_COLUMNS) of rows with distinct ids. */
#define LIVE_SQL_ON_CONFLICT \
	" ON CONFLICT (device_id) DO UPDATE SET " LIVE_SQL_FIX_SET(recorded_at) LIVE_SQL_FIX_SET( \
	    record_hash) LIVE_SQL_FIX_SET(received_at) LIVE_SQL_FIX_SET(latitude) \
	    LIVE_SQL_FIX_SET(longitude) LIVE_SQL_FIX_SET(altitude) LIVE_SQL_FIX_SET(heading) \
		LIVE_SQL_FIX_SET(satellites) LIVE_SQL_FIX_SET(speed) LIVE_SQL_FIX_SET( \
		    valid) LIVE_SQL_FIX_SET(priority) LIVE_SQL_FIX_SET(event_io_id) \
		    LIVE_SQL_FIX_SET(codec) LIVE_SQL_FIX_SET( \
			generation_type) "last_record_at = greatest(o.last_record_at, " \
					 "excluded.last_record_at), " \
					 "io = CASE WHEN excluded.last_record_at > " \
					 "o.last_record_at OR o.last_record_at IS NULL " \
					 "THEN excluded.io ELSE o.io END, " \
					 "online = CASE WHEN " LIVE_SQL_SESSION_NEWER \
					 " THEN excluded.online " \
					 "WHEN " LIVE_SQL_GOODBYE \
					 " THEN false ELSE o.online END, " \
					 "disconnected_at = CASE WHEN " LIVE_SQL_SESSION_NEWER \
					 " THEN coalesce(excluded.disconnected_at, " \
					 "o.disconnected_at) WHEN " LIVE_SQL_GOODBYE \
					 " THEN excluded.disconnected_at ELSE o.disconnected_at " \
					 "END, " LIVE_SQL_SESSION_SET( \
					     connected_at) LIVE_SQL_SESSION_SET(remote_addr) \
					     LIVE_SQL_SESSION_SET(gateway) LIVE_SQL_SESSION_SET( \
						 worker) "session_id = greatest(o.session_id, " \
							 "excluded.session_id), " \
							 "last_seen_at = " \
							 "greatest(o.last_seen_at, " \
							 "excluded.last_seen_at), " \
							 "updated_at = now()"

#endif
