-- Texts longer than $1 are refused from now on.
SELECT telematics_set_command_max_length($1::integer)
