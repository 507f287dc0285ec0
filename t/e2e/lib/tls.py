"""A PostgreSQL that encrypts."""
import os
import shutil
import signal
import subprocess

from . import proc

PASSWORD = "a secret"


def can():
    """Is there what makes a certificate?"""
    found = shutil.which("openssl") is not None
    if not found:
        print("# SKIP needs openssl")
    return found


def with_tls(bench):
    """A cluster that is reached over TCP by TLS and a password alone; its port and its certificate's file."""
    cluster = bench.own_cluster()
    port, key, cert = proc.free_port(), os.path.join(cluster.data, "key"), os.path.join(cluster.data, "cert")
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                           "/CN=localhost", "-keyout", key, "-out", cert, "-addext",
                           "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    proc.check(made.returncode == 0, "openssl: %r" % made.stderr)
    os.chmod(key, 0o600)
    if cluster.user:
        os.chown(key, cluster.user.pw_uid, cluster.user.pw_gid)
    cluster.query("ALTER ROLE tg PASSWORD '%s'" % PASSWORD, "postgres")
    cluster.stop(signal.SIGINT)
    with open(os.path.join(cluster.data, "postgresql.conf"), "a") as f:
        f.write("listen_addresses = '127.0.0.1'\nport = %d\nssl = on\nssl_cert_file = 'cert'\n"
                "ssl_key_file = 'key'\nunix_socket_directories = '%s'\n" % (port, cluster.socket))
    with open(os.path.join(cluster.data, "pg_hba.conf"), "w") as f:
        f.write("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
    cluster.url = lambda database, user="tg": "host=%s port=%d dbname=%s user=%s" % (
        cluster.socket, port, database, user)
    cluster.start()
    return cluster, port, cert
