-- Answers to the commands $1 are stored: who listens to telematics_command_status is told.
SELECT telematics_command_status_tell($1::bigint[])
