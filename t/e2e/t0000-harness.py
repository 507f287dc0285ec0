#!/usr/bin/env python3
"""The tools of the tests themselves: frames as documented, a PostgreSQL that starts, crashes and comes back."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import proc, suite, wire


@suite.quick
def test_frames(bench):
    """Our own frames are those of the protocol's documentation, byte by byte."""
    one = wire.Record(1560161086000, priority=1, event=1, io=[
        (21, b"\x03"), (1, b"\x01"), (66, b"\x5e\x0f"), (241, b"\0\0\x60\x1a"), (78, bytes(8))])
    proc.equal(wire.frame(wire.CODEC_8, [one]).hex(),
               "000000000000003608010000016b40d8ea30010000000000000000000000000000000105021503010101425e"
               "0f01f10000601a014e0000000000000000010000c7cf", "codec 8")
    one = wire.Record(1560166592000, priority=1, event=1, io=[
        (1, b"\x01"), (17, b"\0\x1d"), (16, bytes.fromhex("015e2c88")),
        (11, bytes.fromhex("000000003544c87a")), (14, bytes.fromhex("000000001dd7e06a"))])
    proc.equal(wire.frame(wire.CODEC_8E, [one]).hex(),
               "000000000000004a8e010000016b412cee0001000000000000000000000000000000000100050001000101000"
               "10011001d00010010015e2c880002000b000000003544c87a000e000000001dd7e06a00000100002994",
               "codec 8 Extended")
    two = [wire.Record(1562760414000 + i * 1000, event=11, generation=5, io=[
        (1, b"\0"), (3, b"\0"), (11, bytes([0, 0x27 - i])), (66, b"\x56\x3a")]) for i in (0, 1)]
    proc.equal(wire.frame(wire.CODEC_16, two).hex(),
               "000000000000005f10020000016bdbc7833000000000000000000000000000000000000b0504020001000003000"
               "2000b00270042563a00000000016bdbc7871800000000000000000000000000000000000b05040200010000030"
               "002000b00260042563a00000200005fb3", "codec 16")


def test_postgres(bench):
    """A private PostgreSQL starts, is killed, keeps what it committed, and comes back."""
    from lib import postgres
    cluster = postgres.Cluster(bench.scope)
    cluster.query("CREATE TABLE t (a int); INSERT INTO t VALUES (7)", "postgres")
    cluster.stop()
    try:
        cluster.query("SELECT 1", "postgres")
        raise proc.Failure("PostgreSQL answers after its stop")
    except postgres.QueryError:
        pass
    cluster.start()
    proc.equal(cluster.query("SELECT a FROM t", "postgres"), "7", "the row")
    proc.equal(cluster.query("SHOW fsync", "postgres"), "on", "fsync")
    session = postgres.Database(cluster, "postgres").session(bench.scope)
    session.run("BEGIN")
    session.run("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
    proc.equal(cluster.query("SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass"
                             " AND mode = 'AccessExclusiveLock'", "postgres"), "1", "the lock")
    session.run("ROLLBACK")


suite.main(globals())
