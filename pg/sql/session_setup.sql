-- A session of tgctl, whatever the role's or the database's own settings are: out.c reads the times.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = 'warning';
