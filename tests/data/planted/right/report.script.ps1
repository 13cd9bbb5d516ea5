$ErrorActionPreference = 'Stop'
Invoke-RestMethod -Uri "${execution.callback_url}/heartbeat" -Method Post
if ($true) { Write-Host "hi" }
