"""The workbench: a local web server over the ledger of jobs and a folder of cases."""
