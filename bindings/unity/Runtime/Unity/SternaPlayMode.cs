using UnityEngine;

namespace Sterna
{
    /// <summary>
    /// Begins each play anew, also where the editor keeps statics from one play to the next ("Enter Play Mode Options"
    /// without domain reload).
    /// </summary>
    internal static class SternaPlayMode
    {
        [RuntimeInitializeOnLoadMethod(RuntimeInitializeLoadType.SubsystemRegistration)]
        internal static void Begin()
        {
            SternaLibrary.ShutdownIfLoaded();
        }
    }
}
