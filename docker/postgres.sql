-- Run once, on an empty volume: the service's own role and database, and no superuser over the network.
\getenv password POSTGRES_PASSWORD
CREATE ROLE task_system LOGIN PASSWORD :'password';
CREATE DATABASE task_system OWNER task_system;
REVOKE ALL ON DATABASE task_system FROM PUBLIC;
ALTER ROLE postgres PASSWORD NULL;
