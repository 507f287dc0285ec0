#!/usr/bin/env python3
"""The crash test (t/chaos), in its short form: faults by chance for a while, then sent, acknowledged and stored are compared."""
import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
from chaos import course, faults, scarce, site
from lib import audit, proc, suite

MINUTES = 0.35
SHORT = [name for name, fault in sorted(faults.FAULTS.items()) if fault.needs != "standby"]
"""A new standby after each fail-over takes longer than all the rest."""


def run(bench, seed, **more):
    found = course.Course(bench, seed, say=lambda line: print("# " + line), **more)
    result = found.run()
    print("".join("# %s\n" % line for line in course.words(result).split("\n")), end="")
    return result


def test_short(bench):
    """Faults of most kinds, mixed: nothing that was acknowledged is lost, nothing is stored twice or invented."""
    seed = random.SystemRandom().randrange(1 << 32)
    trackers = proc.scaled(30, 10)
    print("# t/chaos/run --minutes %g --seed %d --trackers %d --only %s" % (MINUTES, seed, trackers, ",".join(SHORT)))
    run(bench, seed, minutes=MINUTES, trackers=trackers, only=SHORT)


def test_memory(bench):
    """Workers that get no memory, again and again, lose nothing and crash nowhere; when there is some again they are soon as before."""
    lack = scarce.none()
    if lack:
        print("# not tried: %s" % lack)
        return
    found = site.Site(bench, random.Random(1), 1, 10, {"memory"})
    found.calm()
    gw = found.gateways[0]
    for one_of in (300, 20, 3):
        mark = len(gw.log_text())
        scarce.set_scarce(found.scarce_of(gw), one_of)
        proc.wait_until(lambda: "memory" in gw.log_text()[mark:], 30, "an allocation fails, one of %d" % one_of)
        time.sleep(2)   # what else fails is by chance
        scarce.set_scarce(found.scarce_of(gw), 0)
        found.calm()
    found.hostile.over.set()
    found.fleet.finish()
    found.fleet.stop()
    audit.audit(found.database, found.fleet)
    proc.equal(gw.crashes(), [], "workers that crashed by themselves")
    # A COPY that libpq has lost in the middle does not wait for the watchdog.
    proc.check(not gw.logged("no answer to"), "nothing hung: %s" % gw.logged("no answer to.*"))


def test_notices(bench):
    """A row that is lost behind the gateway's back is found, and one with another time of arrival: the run fails."""
    found = course.Course(bench, 1, minutes=0.01, trackers=4, only=["reloaded"], say=lambda line: None)
    audited = found.site.fleet.finish
    one = " WHERE (device_id, recorded_at, record_hash) = (SELECT device_id, recorded_at, record_hash FROM device_positions LIMIT 1)"

    def meddle(seconds):
        """In the last moment before the comparison."""
        audited(seconds)
        found.site.database.query("UPDATE device_positions SET received_at = received_at + interval '1 day'" + one)
        noticed(found.arrivals, "time of arrival")
        found.site.database.query("DELETE FROM device_positions" + one)
    found.site.fleet.finish = meddle
    noticed(found.run, "not stored")


def noticed(compare, words):
    try:
        compare()
    except proc.Failure as failure:
        proc.check(words in str(failure), "it says what is wrong: %s" % failure)
    else:
        raise proc.Failure("it was not noticed: " + words)


suite.main(globals())
