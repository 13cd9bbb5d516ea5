@echo off
rem comment (
for %%i in (a b) do echo %%i
