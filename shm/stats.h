/*
 * The counters of one worker, in shared memory (doc/design.md, Metrics).
 *
 * One writer: the worker that occupies the block. Readers (the master, tests)
 * copy a block with stats_read(), which never yields a torn set: a writer wraps
 * every group of changes that must agree in stats_begin()/stats_end().
 *
 * Counters only grow. When a worker dies the master folds its block into the
 * totals of the gateway, books what was in flight as refused, and clears it.
 *
 * Each list below is the only place that names a value: X(field, metric, labels, help).
 */
#ifndef SHM_STATS_H
#define SHM_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* One per row of worker/tracker/close.h, and per row of proto/stranger.h. */
#define STATS_CLOSED(X, reason) \
	X(ended_##reason, "telematics_connections_closed_total", "reason=\"" #reason "\"", \
	    "Connections closed, by reason")
#define STATS_STRANGER(X, what) \
	X(stranger_##what, "telematics_unidentified_connections_total", "what=\"" #what "\"", \
	    "Connections that ended without an IMEI, by what they said instead")

#define STATS_COUNTERS(X) \
	X(connections, "telematics_tcp_connections_total", "", "TCP connections accepted") \
	STATS_CLOSED(X, peer) \
	STATS_CLOSED(X, broken) \
	STATS_CLOSED(X, keepalive) \
	STATS_CLOSED(X, handshake) \
	STATS_CLOSED(X, out_of_step) \
	STATS_CLOSED(X, length) \
	STATS_CLOSED(X, crc) \
	STATS_CLOSED(X, other_imei) \
	STATS_CLOSED(X, unknown) \
	STATS_CLOSED(X, disabled) \
	STATS_CLOSED(X, unavailable) \
	STATS_CLOSED(X, registry_full) \
	STATS_CLOSED(X, unknown_rate) \
	STATS_CLOSED(X, not_admitted) \
	STATS_CLOSED(X, proxy_header) \
	STATS_CLOSED(X, takeover) \
	STATS_CLOSED(X, takeover_elsewhere) \
	STATS_CLOSED(X, removed) \
	STATS_CLOSED(X, operator) \
	STATS_CLOSED(X, handshake_timeout) \
	STATS_CLOSED(X, frame_timeout) \
	STATS_CLOSED(X, idle) \
	STATS_CLOSED(X, memory) \
	STATS_CLOSED(X, stuck) \
	STATS_CLOSED(X, unstorable) \
	STATS_CLOSED(X, late_answer) \
	STATS_CLOSED(X, drain) \
	STATS_CLOSED(X, shutdown) \
	STATS_STRANGER(X, nothing) \
	STATS_STRANGER(X, incomplete) \
	STATS_STRANGER(X, tls) \
	STATS_STRANGER(X, mqtt) \
	STATS_STRANGER(X, http) \
	STATS_STRANGER(X, ssh) \
	STATS_STRANGER(X, proxy_header) \
	STATS_STRANGER(X, udp_framing) \
	STATS_STRANGER(X, camera) \
	STATS_STRANGER(X, imei_14_digits) \
	STATS_STRANGER(X, imei_16_digits) \
	STATS_STRANGER(X, imei_text) \
	STATS_STRANGER(X, hex_text) \
	STATS_STRANGER(X, frame) \
	STATS_STRANGER(X, other) \
	X(bytes_in, "telematics_received_bytes_total", "", "Bytes received from trackers") \
	X(frames_avl, "telematics_frames_total", "kind=\"avl\"", "Whole frames received") \
	X(frames_message, "telematics_frames_total", "kind=\"message\"", "Whole frames received") \
	X(pings, "telematics_pings_total", "", "Ping bytes received") \
	X(records, "telematics_avl_records_total", "", "AVL records received") \
	X(stored, "telematics_records_total", "outcome=\"stored\"", "AVL records by outcome") \
	X(duplicate, "telematics_records_total", "outcome=\"duplicate\"", \
	    "AVL records by outcome") \
	X(quarantined, "telematics_records_total", "outcome=\"quarantined\"", \
	    "AVL records by outcome") \
	X(refused, "telematics_records_total", "outcome=\"refused\"", "AVL records by outcome") \
	X(err_crc, "telematics_parse_errors_total", "reason=\"crc\"", \
	    "Frames that could not be read") \
	X(err_length, "telematics_parse_errors_total", "reason=\"length\"", \
	    "Frames that could not be read") \
	X(err_preamble, "telematics_parse_errors_total", "reason=\"preamble\"", \
	    "Frames that could not be read") \
	X(err_count, "telematics_parse_errors_total", "reason=\"count\"", \
	    "Frames that could not be read") \
	X(err_structure, "telematics_parse_errors_total", "reason=\"structure\"", \
	    "Frames that could not be read") \
	X(io_total_mismatch, "telematics_io_total_mismatch_total", "", \
	    "Records whose IO total differs from their sections (kept)") \
	X(unknown_codec, "telematics_unknown_codec_packets_total", "", \
	    "Frames with a good CRC in a codec nobody knows") \
	X(quarantined_frames, "telematics_quarantined_frames_total", "", \
	    "Frames put into quarantine") \
	X(rejected_unknown, "telematics_imei_rejected_total", "reason=\"unknown\"", \
	    "Handshakes refused") \
	X(rejected_disabled, "telematics_imei_rejected_total", "reason=\"disabled\"", \
	    "Handshakes refused") \
	X(rejected_malformed, "telematics_imei_rejected_total", "reason=\"malformed\"", \
	    "Handshakes refused") \
	X(unanswered_handshakes, "telematics_imei_unanswered_total", "", \
	    "Unknown IMEIs closed without an answer: the database was away, or the registry full") \
	X(handshakes, "telematics_handshakes_total", "", "Handshakes accepted") \
	X(takeovers, "telematics_session_takeovers_total", "", \
	    "Sessions replaced by a newer one of the same IMEI") \
	X(acks, "telematics_acks_total", "", "Acknowledgements sent") \
	X(timeout_handshake, "telematics_timeouts_total", "what=\"handshake\"", \
	    "Connections closed by a time-out") \
	X(timeout_frame, "telematics_timeouts_total", "what=\"frame\"", \
	    "Connections closed by a time-out") \
	X(timeout_idle, "telematics_timeouts_total", "what=\"idle\"", \
	    "Connections closed by a time-out") \
	X(closed_memory, "telematics_closed_for_memory_total", "", \
	    "Connections closed because the buffers of the worker were full") \
	X(accept_errors, "telematics_accept_errors_total", "", \
	    "accept(2) failures, mostly descriptors exhausted") \
	X(accept_pauses, "telematics_accept_pauses_total", "", "Times accepting was paused") \
	X(refused_cidr, "telematics_connections_refused_total", "reason=\"cidr\"", \
	    "Connections refused at admission") \
	X(refused_max, "telematics_connections_refused_total", "reason=\"max\"", \
	    "Connections refused at admission") \
	X(refused_address, "telematics_connections_refused_total", "reason=\"address\"", \
	    "Connections refused at admission") \
	X(refused_proxy, "telematics_connections_refused_total", "reason=\"proxy\"", \
	    "Connections refused at admission") \
	X(refused_unknown_rate, "telematics_connections_refused_total", "reason=\"unknown_rate\"", \
	    "Connections refused at admission") \
	X(batches_copy, "telematics_batches_total", "way=\"copy\"", "Transactions committed") \
	X(batches_insert, "telematics_batches_total", "way=\"insert\"", "Transactions committed") \
	X(batch_failures, "telematics_batch_failures_total", "", \
	    "Transactions that failed and were tried again") \
	X(copy_conflicts, "telematics_copy_conflicts_total", "", \
	    "COPY batches repeated because of a duplicate") \
	X(db_connects, "telematics_database_connects_total", "", "Connections made to PostgreSQL") \
	X(live_updates, "telematics_live_updates_total", "", "Rows of device_online moved") \
	X(lookups, "telematics_device_lookups_total", "", "Registry misses asked of the database") \
	X(registry_reloads, "telematics_registry_reloads_total", "", \
	    "Full loads of the devices table") \
	X(registry_full, "telematics_registry_full_total", "", \
	    "Devices that did not fit into the registry") \
	X(rejected_dropped, "telematics_rejected_ledger_dropped_total", "", \
	    "Refusals not written to rejected_devices: too many at once") \
	X(messages, "telematics_messages_total", "", "Messages (codec 12 to 15) stored") \
	X(commands_acked, "telematics_commands_total", "outcome=\"acked\"", \
	    "Commands that came to an end, by outcome") \
	X(commands_failed, "telematics_commands_total", "outcome=\"failed\"", \
	    "Commands that came to an end, by outcome") \
	X(commands_expired, "telematics_commands_total", "outcome=\"expired\"", \
	    "Commands that came to an end, by outcome") \
	X(commands_sent, "telematics_command_attempts_total", "event=\"sent\"", \
	    "Attempts to have a command answered: begun, and ended without an answer") \
	X(commands_unanswered, "telematics_command_attempts_total", "event=\"unanswered\"", \
	    "Attempts to have a command answered: begun, and ended without an answer") \
	X(commands_disconnected, "telematics_command_attempts_total", "event=\"disconnected\"", \
	    "Attempts to have a command answered: begun, and ended without an answer")

#define BLOCKED_HELP \
	"What is put aside as somebody holds a lock on it, or the database doesn't take it; the rest goes on"

#define STATS_GAUGES(X) \
	X(in_flight, "telematics_records_in_flight", "", \
	    "AVL records received and not yet decided") \
	X(conn_handshake, "telematics_connections", "state=\"handshake\"", "Open connections") \
	X(conn_active, "telematics_connections", "state=\"active\"", "Open connections") \
	X(conn_closing, "telematics_connections", "state=\"closing\"", "Open connections") \
	X(paused, "telematics_connections_paused", "", \
	    "Connections not read because batches are full") \
	X(accept_paused, "telematics_accept_paused", "", \
	    "Workers that don't accept at the moment: no descriptors are left") \
	X(db_up, "telematics_database_up", "", "1 while the database takes batches") \
	X(buffer_bytes, "telematics_buffer_bytes", "", "Bytes held in frame and batch buffers") \
	X(memory, "telematics_worker_memory_bytes", "", \
	    "Resident memory of the workers, without what they share") \
	X(blocked_devices, "telematics_blocked", "what=\"device\"", BLOCKED_HELP) \
	X(blocked_days, "telematics_blocked", "what=\"day\"", BLOCKED_HELP) \
	X(blocked_steps, "telematics_blocked", "what=\"step\"", BLOCKED_HELP) \
	X(blocked_commands, "telematics_blocked", "what=\"command\"", BLOCKED_HELP) \
	X(blocked_raw_frames, "telematics_blocked", "what=\"raw_frame\"", BLOCKED_HELP) \
	X(blocked_live_rows, "telematics_blocked", "what=\"live_row\"", BLOCKED_HELP) \
	X(commands_pending, "telematics_commands_queued", "state=\"pending\"", \
	    "Commands in the database that are not over yet, of all gateways") \
	X(commands_in_flight, "telematics_commands_queued", "state=\"sent\"", \
	    "Commands in the database that are not over yet, of all gateways")

/* Upper bounds of the histogram buckets; a last bucket without bound follows. */
#define STATS_TIME_BUCKETS 16 /* microseconds: 100 200 500 1k 2k 5k ... 10 s */
#define STATS_SIZE_BUCKETS 16 /* records: 1 2 5 10 20 50 ... 100k */
extern const uint64_t stats_time_bounds_us[STATS_TIME_BUCKETS];
extern const uint64_t stats_wait_bounds_us[STATS_TIME_BUCKETS]; /* 0.1 s to a day */
extern const uint64_t stats_size_bounds[STATS_SIZE_BUCKETS];

#define STATS_HISTOGRAMS(X) \
	X(ack_us, "telematics_ack_seconds", stats_time_bounds_us, \
	    "From the last byte of a frame to its ACK") \
	X(commit_us, "telematics_batch_commit_seconds", stats_time_bounds_us, \
	    "From sending a batch to its COMMIT") \
	X(batch_records, "telematics_batch_records", stats_size_bounds, \
	    "Records in a committed batch") \
	X(command_us, "telematics_command_answer_seconds", stats_wait_bounds_us, \
	    "From the queueing of a command to its answer")

struct stats_histogram {
	_Atomic uint64_t bucket[STATS_TIME_BUCKETS + 1]; /* not cumulative */
	_Atomic uint64_t sum;
};

struct stats {
	_Atomic uint64_t seq; /* odd while a group of changes is under way */
#define X(f, m, l, h) _Atomic uint64_t f;
	STATS_COUNTERS(X)
	STATS_GAUGES(X)
#undef X
#define X(f, m, b, h) struct stats_histogram f;
	STATS_HISTOGRAMS(X)
#undef X
} __attribute__((aligned(128)));

static inline uint64_t
stats_get(const _Atomic uint64_t *p)
{
	return atomic_load_explicit((_Atomic uint64_t *)p, memory_order_relaxed);
}

/* Writer only: a plain load and store is enough and costs a third of an atomic add. */
static inline void
stats_add(_Atomic uint64_t *p, uint64_t n)
{
	atomic_store_explicit(p, stats_get(p) + n, memory_order_relaxed);
}

static inline void
stats_sub(_Atomic uint64_t *p, uint64_t n)
{
	atomic_store_explicit(p, stats_get(p) - n, memory_order_relaxed);
}

static inline void
stats_set(_Atomic uint64_t *p, uint64_t n)
{
	atomic_store_explicit(p, n, memory_order_relaxed);
}

/* Writer only: brackets changes that a reader must see together. They don't nest. */
static inline void
stats_begin(struct stats *s)
{
	stats_set(&s->seq, stats_get(&s->seq) + 1);
	atomic_thread_fence(memory_order_release);
}

static inline void
stats_end(struct stats *s)
{
	atomic_store_explicit(&s->seq, stats_get(&s->seq) + 1, memory_order_release);
}

/* Writer only: books one observation (microseconds or records). */
void stats_observe(struct stats_histogram *, const uint64_t *bounds, uint64_t value);

/*
 * Copies a block consistently. Retries while the writer is inside a group; if
 * the writer stays inside (it was killed there, or is stopped) after a bounded number of tries,
 * the copy is made whole by setting in_flight to what the identity demands
 * (records minus outcomes) and false is returned.
 */
bool stats_read(const struct stats *, struct stats *copy);

/* Adds every counter and histogram of `from` to `to`; gauges only if `gauges`. */
void stats_sum(struct stats *to, const struct stats *from, bool gauges);

/*
 * The master, after the occupant of a block has died: adds its counters to
 * `retired` with in-flight records booked as refused, and clears the block.
 */
void stats_retire(struct stats *retired, struct stats *block);

#endif
