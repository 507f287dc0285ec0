"""What the end-to-end tests share: a private PostgreSQL, the gateway, trackers and the audit."""
