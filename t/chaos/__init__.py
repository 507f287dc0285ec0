"""Does to gateways, database and fleet what life does, and compares what was sent, acknowledged and stored."""
