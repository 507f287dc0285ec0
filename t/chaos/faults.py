"""What can happen. Each fault begins, lasts for some seconds, and ends; faults of the same place never overlap.

A fault is a function (site, rnd) that makes the trouble and returns what ends it, or None if nothing has to be ended. Its place
is what it takes for itself while it lasts: "postgres", "locks", "fleet", "clock", "network", "web", or "gateway", of which one is
chosen. Some need what not every machine has, or what makes a run longer: see NEEDS.
"""
import os
import queue
import signal

from lib import faketime, postgres, proc, web

from . import network, scarce, servers

FAULTS = {}

NEEDS = {"clock": lambda: None if faketime.library() else "libfaketime is not there (scripts/install-deps test)",
         "disk": servers.no_disk, "memory": scarce.none, "net": network.none, "standby": lambda: None,
         "web": lambda: None if web.available() else "omnitrack-web is not built"}
"""What a fault may need, and what tells why it can't be had here, or None."""


class Fault:
    def __init__(self, act, place, seconds, weight, needs):
        self.name = act.__name__.replace("_", "-")
        self.act, self.place, self.seconds, self.weight = act, place, seconds, weight
        self.needs = needs
        self.what = act.__doc__


def fault(place, seconds=(0, 0), weight=1.0, needs=None):
    def known(act):
        made = Fault(act, place, seconds, weight, needs)
        FAULTS[made.name] = made
        return act
    return known


def kill(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


# ---- gateways

@fault("gateway", weight=6)
def worker_killed(site, rnd, gw):
    """A worker is killed."""
    pids = gw.workers()
    kill(rnd.choice(pids))


@fault("gateway", seconds=(0.1, 12), weight=2)
def worker_stopped(site, rnd, gw):
    """A worker is stopped by SIGSTOP, for so long that it is replaced, or not."""
    pid = rnd.choice(gw.workers())
    kill(pid, signal.SIGSTOP)
    return lambda: kill(pid, signal.SIGCONT)


@fault("gateway", seconds=(0.1, 5))
def master_killed(site, rnd, gw):
    """A master is killed, and started anew once its workers have gone."""
    workers = gw.workers()
    kill(gw.pid())

    def back():
        proc.wait_until(lambda: not any(proc.alive(pid) for pid in workers), 60, "the workers of a killed master go")
        gw.start(ready=False)
    return back


@fault("gateway", seconds=(0.1, 8), weight=2)
def gateway_killed(site, rnd, gw):
    """A whole gateway is killed at once, and started anew."""
    for pid in [gw.pid()] + proc.children(gw.pid()):
        kill(pid)
    return lambda: gw.start(ready=False)


@fault("gateway", seconds=(0.1, 5))
def gateway_drained(site, rnd, gw):
    """A gateway is stopped as an operator does it, and started anew."""
    gw.stop(60)
    return lambda: gw.start(ready=False)


@fault("gateway", weight=2)
def reloaded(site, rnd, gw):
    """SIGHUP."""
    gw.hup()


@fault("gateway")
def upgraded(site, rnd, gw):
    """SIGUSR2: a new master takes over."""
    gw.upgrade(90)


STEPS = ("+60s", "-60s", "+1d", "-1d", "+3650d", "-3650d")


@fault("clock", seconds=(0.5, 12), weight=3, needs="clock")
def clock_stepped(site, rnd):
    """The clock of a gateway's host steps by a minute, a day or ten years, and back later."""
    path = site.clocks[rnd.randrange(len(site.clocks))]
    faketime.set_clock(path, rnd.choice(STEPS))
    return lambda: faketime.set_clock(path, "+0")


@fault("gateway", seconds=(0.5, 10), weight=2, needs="memory")
def memory_scarce(site, rnd, gw):
    """The workers of a gateway get no memory, one time of twenty, of some hundred or of some thousand."""
    path = site.scarce_of(gw)
    scarce.set_scarce(path, rnd.choice((20, 300, 5000)))
    return lambda: scarce.set_scarce(path, 0)


# ---- the database

@fault("postgres", seconds=(0, 6), weight=3)
def postgres_stopped(site, rnd):
    """PostgreSQL stops at once, as a crash does, and recovers."""
    site.cluster.stop()
    return site.cluster.start


@fault("postgres", seconds=(0, 4))
def postgres_killed(site, rnd):
    """Every process of PostgreSQL is killed."""
    site.cluster.kill()
    return site.cluster.start


@fault("postgres", seconds=(0.1, 15))
def postgres_frozen(site, rnd):
    """Every process of PostgreSQL is stopped by SIGSTOP."""
    site.cluster.freeze()
    return lambda: site.cluster.freeze(signal.SIGCONT)


@fault("postgres", weight=2)
def backends_ended(site, rnd):
    """An administrator ends the connections."""
    site.database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                        " AND pid <> pg_backend_pid()")


# commit_delay keeps a COMMIT long enough to be met in it: while one sleeps before the flush, the others wait for that.
MEET = """
SET application_name = 'chaos';
DO $$
DECLARE victim integer;
BEGIN
    FOR i IN 1..2000 LOOP
        PERFORM pg_stat_clear_snapshot();
        SELECT pid INTO victim FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
            AND (query ILIKE 'commit%' OR wait_event IN ('WALWrite', 'WALSync')) AND pid <> pg_backend_pid() LIMIT 1;
        IF victim IS NOT NULL THEN
            PERFORM pg_terminate_backend(victim);
            EXIT;
        END IF;
        PERFORM pg_sleep(0.001);
    END LOOP;
    IF victim IS NULL THEN RAISE EXCEPTION 'nobody commits'; END IF;
END $$"""


@fault("postgres", weight=3)
def backend_ended_in_commit(site, rnd):
    """A connection is ended while it commits."""
    for change in ("SET commit_delay = 20000", "SET commit_siblings = 0"):
        site.cluster.query("ALTER SYSTEM " + change, "postgres")
    site.cluster.query("SELECT pg_reload_conf()", "postgres")
    try:
        site.database.query(MEET)
    finally:
        site.cluster.query("ALTER SYSTEM RESET commit_delay", "postgres")
        site.cluster.query("ALTER SYSTEM RESET commit_siblings", "postgres")
        site.cluster.query("SELECT pg_reload_conf()", "postgres")


@fault("postgres", weight=1)
def backend_killed(site, rnd):
    """A connection's process is killed: PostgreSQL restarts all of them."""
    pids = site.database.query("SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                               " AND pid <> pg_backend_pid()").split()
    kill(int(rnd.choice(pids)))
    proc.wait_until(lambda: site.cluster.query("SELECT 1", "postgres") == "1", 60, "PostgreSQL is back")


@fault("postgres", seconds=(0.5, 8))
def connections_refused(site, rnd):
    """No new connection is let in, and the present ones are ended."""
    name = site.database.name
    site.cluster.query("ALTER DATABASE %s ALLOW_CONNECTIONS false" % name, "postgres")
    site.cluster.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'" % name, "postgres")
    return lambda: site.cluster.query("ALTER DATABASE %s ALLOW_CONNECTIONS true" % name, "postgres")


@fault("postgres", seconds=(0.5, 8), weight=2, needs="disk")
def disk_full(site, rnd):
    """The disk of PostgreSQL is full."""
    return site.servers.fill_disk()


@fault("postgres", seconds=(0.5, 20), weight=2, needs="standby")
def failed_over(site, rnd):
    """The synchronous standby takes over while the old primary goes on, to which gateways are still connected."""
    old = site.fail_over()
    if rnd.random() < 0.5:
        old.query(CANCEL, "postgres")
    return lambda: site.servers.replace(old)


# What waits for a standby that has gone then stands on the old primary alone.
CANCEL = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@fault("postgres", seconds=(0.5, 25), weight=2, needs="net")
def database_cut_off(site, rnd):
    """The network between gateways and PostgreSQL loses everything, in both directions or in one, without a reset."""
    ways = ["ip %s { %s }" % (end, ", ".join(servers.ADDRESSES)) for end in ("daddr", "saddr")]
    return network.lose("database", rnd.choice((ways, ways[:1], ways[1:])))


# ---- locks of others

LOCKS = ("LOCK device_commands IN ACCESS EXCLUSIVE MODE", "LOCK device_messages IN ACCESS EXCLUSIVE MODE",
         "LOCK device_positions IN SHARE MODE", "SELECT 1 FROM device_online FOR UPDATE", "SELECT 1 FROM devices FOR UPDATE",
         "DELETE FROM device_ingest_raw", "SELECT 1 FROM gateways FOR UPDATE")


@fault("locks", seconds=(0.5, 8), weight=3)
def locked(site, rnd):
    """Somebody holds a lock on a table or its rows."""
    session = site.database.session(site.bench.scope)
    session.run("SET lock_timeout = '3s'; BEGIN; " + rnd.choice(LOCKS))
    return session.close


# ---- trackers

@fault("fleet", weight=3)
def fleet_cut(site, rnd):
    """A part of the fleet, or all of it, loses its connections at once and comes back."""
    site.fleet.cut(rnd.choice((0.2, 0.5, 1.0)), rnd)


def of_trackers(site):
    """Their packets, in both directions."""
    ports = ", ".join(str(gw.port) for gw in site.gateways)
    return ["tcp dport { %s }" % ports, "tcp sport { %s }" % ports]


@fault("network", seconds=(1, 15), weight=2, needs="net")
def packets_lost(site, rnd):
    """Of the packets between trackers and gateways a part is lost."""
    return network.lose("trackers", of_trackers(site), rnd.choice((2, 10, 30)))


@fault("network", seconds=(0.5, 20), weight=2, needs="net")
def trackers_cut_off(site, rnd):
    """All packets between trackers and gateways are lost, without a reset."""
    return network.lose("trackers", of_trackers(site))


# ---- who listens

@fault("web", seconds=(0.1, 10), weight=2, needs="web")
def web_killed(site, rnd):
    """The web application, which listens to the live feed, is killed and started anew."""
    kill(site.web.process.pid)
    return lambda: site.web.start(ready=False)


@fault("web", seconds=(0.5, 25), weight=2, needs="web")
def web_stuck(site, rnd):
    """The web application goes on listening and takes nothing more: SIGSTOP."""
    kill(site.web.process.pid, signal.SIGSTOP)
    return lambda: kill(site.web.process.pid, signal.SIGCONT)


ERRORS = (proc.Failure, postgres.QueryError, OSError, IndexError, queue.Empty)
"""What a fault may meet where another one is at work: it didn't happen then."""
