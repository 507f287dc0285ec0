"""What bench/run is made of; the harness of the end-to-end tests starts PostgreSQL and the gateway."""
