-- Who signs in to the database. Give each a password with \password, and put it
-- into the files in secrets/.
create role siegel_owner login createrole;
create role siegel_server login;
create role siegel_relay login;
create role siegel_backup login bypassrls;
grant pg_read_all_data to siegel_backup;
alter database siegel owner to siegel_owner;
