using UnityEditor;

namespace Sterna.Editor
{
    /// <summary>
    /// The editor loads scripts anew after each change, and forgets all objects then. Clients that are still there are
    /// destroyed before, so that their sessions end, and no thread of the library outlives what it works for.
    /// </summary>
    [InitializeOnLoad]
    public static class SternaReload
    {
        static SternaReload()
        {
            AssemblyReloadEvents.beforeAssemblyReload += SternaLibrary.ShutdownIfLoaded;
            EditorApplication.quitting += SternaLibrary.ShutdownIfLoaded;
            EditorApplication.playModeStateChanged += OnPlayModeChanged;
        }

        private static void OnPlayModeChanged(PlayModeStateChange change)
        {
            // Clients of a SternaBehaviour are gone by now; this is for those that a script made and forgot.
            if (change == PlayModeStateChange.EnteredEditMode)
            {
                SternaLibrary.ShutdownIfLoaded();
            }
        }
    }
}
