"""What chaos.py is made of: the programs, the forge and its deliveries, the faults, the report."""
