# Adds a folder to the folders in which Windows looks for commands, or takes it out again. Used by the app's menu and by the installer.
param(
  [Parameter(Mandatory)][ValidateSet('add', 'remove')][string]$What,
  [Parameter(Mandatory)][string]$Folder,
  [ValidateSet('User', 'Machine')][string]$Of = 'User'
)
$ErrorActionPreference = 'Stop'
$key = if ($Of -eq 'Machine') { 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager\Environment' } else { 'HKCU:\Environment' }
# As it is written: entries such as %USERPROFILE%\bin must not become what they stand for now.
$now = (Get-Item $key).GetValue('Path', '', 'DoNotExpandEnvironmentNames')
$others = @($now -split ';' | Where-Object { $_ -and $_.TrimEnd('\') -ne $Folder.TrimEnd('\') })
$new = if ($What -eq 'add') { $others + $Folder } else { $others }
Set-ItemProperty $key -Name Path -Value ($new -join ';') -Type ExpandString
# Setting a variable this way tells programs that run that variables have changed; setting the registry does not.
[Environment]::SetEnvironmentVariable('PareCommand', $null, $Of)
