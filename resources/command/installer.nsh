; The installer's page about the command, what it does when it is wanted, and what the uninstaller takes back.
!include LogicLib.nsh
!include nsDialogs.nsh

!macro pareCommandPath WHAT
  ${If} $installMode == "all"
    StrCpy $R9 "Machine"
  ${Else}
    StrCpy $R9 "User"
  ${EndIf}
  nsExec::Exec `powershell.exe -NoProfile -ExecutionPolicy Bypass -File "$INSTDIR\resources\resources\command\path.ps1" ${WHAT} "$INSTDIR\resources\resources\command" $R9`
  Pop $R9
!macroend

!ifndef BUILD_UNINSTALLER
  Var pareCommandBox
  Var pareCommandWanted

  !macro customPageAfterChangeDir
    Page custom pareCommandPage pareCommandLeave

    Function pareCommandPage
      !insertmacro MUI_HEADER_TEXT "The pare command" "Compress models from a terminal and from scripts."
      nsDialogs::Create 1018
      Pop $0
      ${NSD_CreateCheckbox} 0 0 100% 24u "Add the command “pare” to the folders that terminals look into (Path)"
      Pop $pareCommandBox
      ${If} $pareCommandWanted != "0"
        ${NSD_Check} $pareCommandBox
      ${EndIf}
      nsDialogs::Show
    FunctionEnd

    Function pareCommandLeave
      ${NSD_GetState} $pareCommandBox $pareCommandWanted
    FunctionEnd
  !macroend

  !macro customInstall
    ${If} $pareCommandWanted == "0"
      !insertmacro pareCommandPath remove
    ${Else}
      !insertmacro pareCommandPath add
    ${EndIf}
  !macroend
!endif

!macro customUnInstall
  !insertmacro pareCommandPath remove
!macroend
