@echo off
rem The pare command of the desktop app.
"%~dp0..\..\..\Pare.exe" --cli --disable-gpu --log-level=3 -- %*
exit /b %ERRORLEVEL%
