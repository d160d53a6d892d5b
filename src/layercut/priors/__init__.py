"""What earlier studies say of a new one."""
