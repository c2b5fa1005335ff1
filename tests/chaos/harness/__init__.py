"""What the rows of the failure matrix stand on: a proxy that disturbs, a service behind it, and a judge outside it."""
